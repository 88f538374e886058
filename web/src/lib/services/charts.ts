import type { ChartSeries } from '$lib/chart/model';
import type { ServiceDetails } from './api';

type Bucket = ServiceDetails['series'][number];

/** The charts of one service, from its counts by step. */
export interface ServiceCharts {
	/** Unix milliseconds: the starts of the steps. */
	times: number[];
	rate: ChartSeries[];
	errors: ChartSeries[];
	duration: ChartSeries[];
}

const MILLI = 1e6;
/** How much of a step must lie in the range for its rate to be drawn. */
const LEAST_SHARE = 0.25;

/**
 * Rates per second, shares and quantiles. A step without spans has the rate zero and a gap elsewhere. The first and last
 * step may stick out of the range; their rate is over the part inside, and there is none where that part is small.
 */
export function chartsOf(detail: ServiceDetails): ServiceCharts {
	const step = Number(detail.step_nanos) / MILLI;
	const [start, end] = [Date.parse(detail.start), Date.parse(detail.end)];
	const steps = detail.series;
	const times = steps.map((one) => Number(one.start_unix_nano) / MILLI);
	const rate = (one: Bucket, at: number) => {
		const time = times[at] ?? start;
		const inside = Math.min(time + step, end) - Math.max(time, start);
		return inside < step * LEAST_SHARE ? null : one.spans / (inside / 1000);
	};
	const quantile = (of: 'p50' | 'p95' | 'p99') => steps.map((one) => one.duration_nanos?.[of] ?? null);
	return {
		times,
		rate: [{ key: 'spans', label: 'Spans per second', color: '--accent', fill: true, values: steps.map(rate) }],
		errors: [
			{
				key: 'errors',
				label: 'Share of errors',
				color: '--danger',
				fill: true,
				values: steps.map((one) => (one.spans > 0 ? one.errors / one.spans : null))
			}
		],
		duration: [
			{ key: 'p99', label: 'p99', color: '--severity-error', values: quantile('p99') },
			{ key: 'p95', label: 'p95', color: '--severity-warn', values: quantile('p95') },
			{ key: 'p50', label: 'p50', color: '--severity-info', values: quantile('p50') }
		]
	};
}
