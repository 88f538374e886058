import type { SignalName, Status } from '$lib/status/status';

/** How many samples of the counters are kept: at one in five seconds, five minutes. */
export const SAMPLES = 60;

/** The counters of accepted records at one instant. */
export interface Sample {
	/** Unix milliseconds. */
	at: number;
	/** A restart sets the counters back: samples of two processes are never compared. */
	started: string;
	accepted: Record<SignalName, number>;
}

export function sampleOf(status: Status, at: number): Sample {
	const accepted: Record<SignalName, number> = { logs: 0, metrics: 0, traces: 0 };
	for (const one of status.signals) accepted[one.signal] = one.accepted;
	return { at, started: status.started, accepted };
}

/** The samples with a newer one, bounded; those of an earlier process go. */
export function withSample(samples: readonly Sample[], next: Sample): Sample[] {
	const last = samples.at(-1);
	if (last && last.at >= next.at) return [...samples];
	return [...samples.filter((one) => one.started === next.started), next].slice(-SAMPLES);
}

/** Records a second between each two samples, oldest first. */
export function ratesOf(samples: readonly Sample[], signal: SignalName): number[] {
	const rates: number[] = [];
	for (let at = 1; at < samples.length; at += 1) {
		const [before, after] = [samples[at - 1], samples[at]];
		if (!before || !after) continue;
		const seconds = (after.at - before.at) / 1000;
		rates.push(Math.max(0, after.accepted[signal] - before.accepted[signal]) / Math.max(0.001, seconds));
	}
	return rates;
}
