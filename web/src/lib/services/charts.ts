import type { ChartSeries } from '$lib/chart/model';
import type { ServiceDetailDto, ServiceStepDto } from './api';

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
export function chartsOf(detail: ServiceDetailDto): ServiceCharts {
	const step = detail.step_nanos / MILLI;
	const [start, end] = [Date.parse(detail.start), Date.parse(detail.end)];
	const byTime = new Map(detail.series.map((one) => [Math.round(Number(one.start_unix_nano) / MILLI), one]));
	const times = timesOf(start, end, step);
	const steps = times.map((time) => byTime.get(time));
	const rate = (count: (one: ServiceStepDto) => number) =>
		times.map((time, at) => {
			const inside = Math.min(time + step, end) - Math.max(time, start);
			if (inside < step * LEAST_SHARE) return null;
			const one = steps[at];
			return one ? count(one) / (inside / 1000) : 0;
		});
	const quantile = (of: 'p50' | 'p95' | 'p99') => steps.map((one) => one?.duration_nanos?.[of] ?? null);
	return {
		times,
		rate: [
			{ key: 'spans', label: 'Spans per second', color: '--accent', fill: true, values: rate((one) => one.spans) }
		],
		errors: [
			{
				key: 'errors',
				label: 'Share of errors',
				color: '--danger',
				fill: true,
				values: steps.map((one) => (one && one.spans > 0 ? one.errors / one.spans : null))
			}
		],
		duration: [
			{ key: 'p99', label: 'p99', color: '--severity-error', values: quantile('p99') },
			{ key: 'p95', label: 'p95', color: '--severity-warn', values: quantile('p95') },
			{ key: 'p50', label: 'p50', color: '--severity-info', values: quantile('p50') }
		]
	};
}

/** The most steps that a chart is drawn of; the server sends fewer. */
const MAX_STEPS = 5_000;

/** The starts of the steps: whole multiples of the step since the Unix epoch. */
function timesOf(start: number, end: number, step: number): number[] {
	if (!(step > 0) || !(end > start) || (end - start) / step > MAX_STEPS) return [];
	const first = Math.floor(start / step) * step;
	return Array.from({ length: Math.ceil((end - first) / step) }, (_, at) => first + at * step);
}
