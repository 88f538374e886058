/** The part of a trace that the waterfall shows: nanoseconds since its start. */
export interface TimeWindow {
	from: number;
	to: number;
}

/** Nanoseconds below which a window is not made narrower. */
const NARROWEST = 100;

/** The window moved and cut so that it lies within the trace and is not too narrow. */
export function within(window: TimeWindow, duration: number): TimeWindow {
	const full = Math.max(duration, NARROWEST);
	const width = Math.min(full, Math.max(NARROWEST, Math.abs(window.to - window.from)));
	const from = Math.max(0, Math.min(Math.min(window.from, window.to), full - width));
	return { from, to: from + width };
}

/** Narrower (factor below 1) or wider, so that the instant `at` stays where it is on the screen. */
export function zoomed(window: TimeWindow, factor: number, at: number, duration: number): TimeWindow {
	return within({ from: at - (at - window.from) * factor, to: at + (window.to - at) * factor }, duration);
}

/** Moved by a share of its width. */
export function panned(window: TimeWindow, share: number, duration: number): TimeWindow {
	const by = (window.to - window.from) * share;
	return within({ from: window.from + by, to: window.to + by }, duration);
}

export function isFull(window: TimeWindow, duration: number): boolean {
	return window.from <= 0 && window.to >= duration;
}

/** As the URL writes it: whole nanoseconds, `1200-84000`; empty for the whole trace. */
export function windowText(window: TimeWindow, duration: number): string {
	return isFull(window, duration) ? '' : `${Math.round(window.from)}-${Math.round(window.to)}`;
}

export function parseWindow(text: string, duration: number): TimeWindow {
	const [, from, to] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? [];
	if (from === undefined || to === undefined) return within({ from: 0, to: duration }, duration);
	return within({ from: Number(from), to: Number(to) }, duration);
}

export interface Tick {
	/** Nanoseconds since the start of the trace. */
	at: number;
	label: string;
}

/** Round instants (1, 2 or 5 times a power of ten), at most `most` of them. */
export function ticks(window: TimeWindow, most: number): Tick[] {
	const step = roundStep((window.to - window.from) / Math.max(1, most));
	const found: Tick[] = [];
	const first = Math.ceil(window.from / step);
	for (let index = 0; index <= most; index += 1) {
		const at = (first + index) * step;
		if (at > window.to) break;
		found.push({ at, label: tickLabel(at, step, window.to) });
	}
	return found;
}

/** The smallest of 1, 2, 5, 10, … nanoseconds that is not below a width. */
function roundStep(width: number): number {
	const power = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, width))));
	return power * ([1, 2, 5].find((one) => one * power >= width) ?? 10);
}

const UNITS: readonly [number, string][] = [
	[1e9, 's'],
	[1e6, 'ms'],
	[1e3, 'µs'],
	[1, 'ns']
];

/** One unit for all ticks, with as many decimals as the step needs. */
function tickLabel(at: number, step: number, end: number): string {
	const [size, unit] = UNITS.find(([one]) => end >= one) ?? [1, 'ns'];
	const decimals = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
	return `${(at / size).toFixed(decimals)} ${unit}`;
}
