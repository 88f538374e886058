import { recall, remember } from '$lib/state/theme.svelte';

/**
 * The time zone in which every time of the page is written and read: that of the browser, UTC, or another by its IANA
 * name. One for all that is shown; the browser keeps the choice.
 */

const KEY = 'clew.zone';

/** The browser's own. */
export const LOCAL = 'local';

/** Offsets of a zone change at quarters of an hour only. */
const STRETCH = 900e3;

class Zone {
	/** `local`, `UTC`, or a name such as `Asia/Tokyo`. */
	current = $state(known(recall(KEY) ?? '') ? (recall(KEY) ?? LOCAL) : LOCAL);

	/** Answers whether there is such a zone. */
	set(next: string): boolean {
		if (!known(next)) return false;
		this.current = next;
		remember(KEY, next);
		return true;
	}

	/** Its IANA name. */
	get name(): string {
		return this.current === LOCAL ? browserZone() : this.current;
	}
}

export const zone = new Zone();

export function browserZone(): string {
	return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

function known(name: string): boolean {
	if (name === LOCAL || name === 'UTC') return true;
	if (name === '') return false;
	try {
		new Intl.DateTimeFormat('en', { timeZone: name });
		return true;
	} catch {
		return false;
	}
}

const formats = new Map<string, Intl.DateTimeFormat>();
const offsets = new Map<string, number>();
const MOST_OFFSETS = 10_000;

/** Milliseconds by which the clocks of the zone are ahead of UTC at an instant (Unix milliseconds). */
export function offsetAt(millis: number): number {
	if (zone.current === 'UTC' || !Number.isFinite(millis)) return 0;
	if (zone.current === LOCAL) return -new Date(millis).getTimezoneOffset() * 60e3;
	const stretch = Math.floor(millis / STRETCH);
	const key = `${zone.current} ${stretch}`;
	let offset = offsets.get(key);
	if (offset === undefined) {
		offset = offsetOf(zone.current, stretch * STRETCH);
		if (offsets.size >= MOST_OFFSETS) offsets.clear();
		offsets.set(key, offset);
	}
	return offset;
}

function offsetOf(name: string, millis: number): number {
	let format = formats.get(name);
	if (!format) {
		const two = '2-digit';
		format = new Intl.DateTimeFormat('en-US', {
			timeZone: name,
			hourCycle: 'h23',
			era: 'short',
			year: 'numeric',
			month: two,
			day: two,
			hour: two,
			minute: two,
			second: two
		});
		formats.set(name, format);
	}
	const parts = Object.fromEntries(format.formatToParts(millis).map(({ type, value }) => [type, value]));
	const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
	const shown = new Date(0);
	shown.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
	shown.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
	return shown.getTime() - millis;
}

/** A date whose UTC fields (`getUTCHours()`) are those of the zone's clocks at an instant. */
export function clockAt(millis: number): Date {
	return new Date(millis + offsetAt(millis));
}

/** The instant at which the zone's clocks show what the UTC fields of this number of milliseconds say. */
export function instantOf(clock: number): number {
	// The offset holds at the instant, which is known only with it: twice settles it on either side of a change.
	const first = clock - offsetAt(clock);
	return clock - offsetAt(first);
}

/** An offset as people write it: `UTC`, `UTC+1`, `UTC−3:30`. */
export function offsetText(offset: number): string {
	const minutes = Math.round(Math.abs(offset) / 60e3);
	if (minutes === 0) return 'UTC';
	const rest = minutes % 60;
	const hours = Math.floor(minutes / 60);
	return `UTC${offset < 0 ? '−' : '+'}${hours}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`;
}

/** The zone as short as it can be said, as it is at an instant. */
export function zoneLabel(millis: number): string {
	return offsetText(offsetAt(millis));
}

/** The zone with its name. */
export function zoneTitle(millis: number): string {
	const label = zoneLabel(millis);
	return zone.name === 'UTC' || zone.name === label ? label : `${zone.name}, ${label}`;
}
