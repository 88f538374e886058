import { localTime, parseTime } from '$lib/time/range';
import { zone } from '$lib/time/zone.svelte';

/**
 * The text of a time in a form. It stays the same instant when the page's zone changes, written anew in that; what is
 * relative (`now-1h`), or no time, stays as it was typed.
 */
export class TimeField {
	private typed = $state.raw<{ text: string; zone: string; millis: number | null }>({
		text: '',
		zone: '',
		millis: null
	});

	/** Shows a time as the URL has it: an instant to the millisecond in the page's zone. */
	show(param: string) {
		this.text = param;
		const { millis } = this.typed;
		if (millis !== null) this.typed = { text: written(millis), zone: zone.current, millis };
	}

	get text(): string {
		const { text, millis } = this.typed;
		return millis === null || this.typed.zone === zone.current ? text : written(millis);
	}

	set text(text: string) {
		const millis = text.trim().startsWith('now') ? null : parseTime(text, 0);
		this.typed = { text, zone: zone.current, millis };
	}

	get relative(): boolean {
		return this.typed.text.trim().startsWith('now');
	}

	/** Unix milliseconds, or `null` when it is no time. */
	at(now: number): number | null {
		return this.typed.millis ?? parseTime(this.typed.text, now);
	}
}

/** A time as people write it: fractions of a second only where there are some. */
function written(millis: number): string {
	return localTime(millis).replace(/\.000$/, '');
}
