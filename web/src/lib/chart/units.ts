import { bytes, compact, duration, percent, threeDigits } from '$lib/format/number';
import { clockAt } from '$lib/time/zone.svelte';
import type { Unit } from './model';

/** How values of a unit are written: at the axis by the distance of the ticks, elsewhere with three digits. */

interface Step {
	size: number;
	suffix: string;
}

const THOUSANDS: Step[] = ['', 'k', 'M', 'G', 'T'].map((suffix, power) => ({ size: 1000 ** power, suffix }));
const BINARY: Step[] = ['B', 'KiB', 'MiB', 'GiB', 'TiB'].map((name, power) => ({
	size: 1024 ** power,
	suffix: ` ${name}`
}));
const TIMES: Step[] = [
	{ size: 1e-9, suffix: ' ns' },
	{ size: 1e-6, suffix: ' µs' },
	{ size: 1e-3, suffix: ' ms' },
	{ size: 1, suffix: ' s' },
	{ size: 60, suffix: ' min' },
	{ size: 3600, suffix: ' h' },
	{ size: 86400, suffix: ' d' }
];

const MOST_DECIMALS = 12;

/** Nanoseconds in a second. */
const NANOS = 1e9;

/** Ticks that fall on round times once they are a minute or more apart, in seconds. */
const LONG_TIMES = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000];

/** The distances that ticks of a unit may have, least first; `undefined` leaves them to the chart. */
export function tickDistances(unit: Unit): number[] | undefined {
	if (unit === 'bytes') return Array.from({ length: 50 }, (_, power) => 2 ** power);
	if (unit !== 'seconds' && unit !== 'nanos') return undefined;
	const short = Array.from({ length: 11 }, (_, at) => [1, 2, 5].map((digit) => Number(`${digit}e${at - 9}`))).flat();
	const seconds = [...short.filter((distance) => distance < 60), ...LONG_TIMES];
	return unit === 'seconds' ? seconds : seconds.map((distance) => distance * NANOS);
}

/** The texts of an axis: one scale for all of them, and as many decimals as their distance needs. */
export function tickTexts(ticks: readonly number[], unit: Unit): string[] {
	const distance = ticks.length > 1 ? Math.abs((ticks[1] ?? 0) - (ticks[0] ?? 0)) : Math.abs(ticks[0] ?? 0);
	const greatest = Math.max(...ticks.map(Math.abs));
	if (greatest === 0) return ticks.map(() => '0');
	const { size, suffix } = scaleOf(greatest, unit);
	const decimals = decimalsOf(distance / size);
	return ticks.map((tick) => {
		if (tick === 0) return '0';
		const scaled = tick / size;
		const text = unit === 'bytes' ? String(Number(scaled.toFixed(2))) : scaled.toFixed(decimals);
		return `${text.length > 10 ? scaled.toExponential(1) : text}${suffix}`;
	});
}

/** The least number of decimals that tells multiples of a distance apart without rounding: two for 0.25. */
function decimalsOf(distance: number): number {
	for (let decimals = 0; decimals < MOST_DECIMALS; decimals += 1) {
		const shifted = distance * 10 ** decimals;
		if (shifted > 0.5 && Math.abs(shifted - Math.round(shifted)) < 1e-6 * shifted) return decimals;
	}
	return distance < 1 ? MOST_DECIMALS : 2;
}

function scaleOf(greatest: number, unit: Unit): Step {
	switch (unit) {
		case 'percent':
			return { size: 0.01, suffix: ' %' };
		case 'bytes':
			return fitting(BINARY, greatest);
		case 'seconds':
			return fitting(TIMES, greatest);
		case 'nanos': {
			const step = fitting(TIMES, greatest / NANOS);
			return { size: step.size * NANOS, suffix: step.suffix };
		}
		case 'number':
			return fitting(THOUSANDS, greatest);
	}
}

/** The greatest step that is not above the value. */
function fitting(steps: Step[], value: number): Step {
	return [...steps].reverse().find((step) => value >= step.size) ?? steps[0] ?? { size: 1, suffix: '' };
}

/** A single value as the legend writes it. */
export function valueText(value: number | null, unit: Unit): string {
	if (value === null) return '–';
	if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
	switch (unit) {
		case 'bytes':
			if (Math.abs(value) < 1024) return `${threeDigits(value)} B`;
			return value < 0 ? `-${bytes(-value)}` : bytes(value);
		case 'seconds':
			return value === 0 ? '0 s' : duration(value * NANOS);
		case 'nanos':
			return value === 0 ? '0 s' : duration(value);
		case 'percent':
			return percent(value);
		case 'number':
			return small(value) ? value.toExponential(2) : compact(value);
	}
}

function small(value: number): boolean {
	return value !== 0 && Math.abs(value) < 0.0005;
}

/** The limits of the y axis: from zero where the values are near it or areas are drawn, with room at the top. */
export function valueLimits(least: number | null, greatest: number | null, zero: boolean): [number, number] {
	if (least === null || greatest === null || !Number.isFinite(least) || !Number.isFinite(greatest)) return [0, 1];
	let [low, high] = [least, greatest];
	if (zero || (low >= 0 && low <= high * 0.6)) low = Math.min(0, low);
	if (low === high) return high === 0 ? [0, 1] : high > 0 ? [0, high * 1.2] : [low * 1.2, 0];
	const room = (high - low) * 0.06;
	return [low === 0 ? 0 : low - room, high + room];
}

const DAY = 86400e3;

/** The texts of the time axis, by the distance of its ticks in milliseconds, in the time zone of the page. */
export function timeTexts(ticks: readonly number[], distance: number): string[] {
	let day = '';
	return ticks.map((tick, at) => {
		const date = clockAt(tick);
		const two = (value: number) => String(value).padStart(2, '0');
		const today = `${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
		const changed = at > 0 && today !== day;
		day = today;
		if (distance >= DAY) return today;
		if (changed) return today;
		const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
		if (distance >= 60e3) return minutes;
		const seconds = `${minutes}:${two(date.getUTCSeconds())}`;
		return distance >= 1000 ? seconds : `${seconds}.${String(date.getUTCMilliseconds()).padStart(3, '0')}`;
	});
}
