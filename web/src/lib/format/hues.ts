import { recall, remember } from '$lib/state/theme.svelte';

/** How many hues there are (`--service-0` and on, in tokens.css): apart from each other, and from the colour of errors. */
export const HUES = 12;

/** The least of the last names that are remembered. */
const MOST_NAMES = 2_000;

/** A hue, and a mark that tells those apart that share it. */
export interface Hue {
	hue: number;
	/** 0 for the first that has the hue, and on. */
	mark: number;
}

/**
 * Hues of names, given out in the order in which names are met and kept by this browser: a name has the one that its hash
 * says, or the next one that is free, so that as many names as there are hues never share one. From then on the least used
 * is shared, with another mark.
 */
export class Hues {
	private readonly key: string;
	private readonly given: Map<string, Hue>;

	/** `key` is where they are kept. */
	constructor(key: string) {
		this.key = key;
		this.given = read(key);
	}

	of(name: string): Hue {
		const known = this.given.get(name);
		if (known) return known;
		const uses = new Array<number>(HUES).fill(0);
		for (const { hue } of this.given.values()) uses[hue] = (uses[hue] ?? 0) + 1;
		const least = Math.min(...uses);
		const wanted = hash(name) % HUES;
		let hue = wanted;
		while (uses[hue] !== least) hue = (hue + 1) % HUES;
		const made = { hue, mark: least };
		this.given.set(name, made);
		this.keep();
		return made;
	}

	private keep() {
		for (const name of this.given.keys()) {
			if (this.given.size <= MOST_NAMES) break;
			this.given.delete(name);
		}
		remember(this.key, JSON.stringify([...this.given].map(([name, { hue, mark }]) => [name, hue, mark])));
	}
}

function read(key: string): Map<string, Hue> {
	const given = new Map<string, Hue>();
	try {
		const kept: unknown = JSON.parse(recall(key) ?? '[]');
		for (const one of Array.isArray(kept) ? kept : []) {
			const [name, hue, mark] = Array.isArray(one) ? (one as unknown[]) : [];
			const isHue = typeof hue === 'number' && Number.isInteger(hue) && hue >= 0 && hue < HUES;
			if (typeof name === 'string' && isHue && typeof mark === 'number') given.set(name, { hue, mark });
		}
	} catch {
		// What was kept cannot be read: colours are given out anew.
	}
	return given;
}

/** FNV-1a. */
function hash(name: string): number {
	let found = 0x811c9dc5;
	for (let at = 0; at < name.length; at += 1) {
		found ^= name.charCodeAt(at);
		found = Math.imul(found, 0x01000193);
	}
	return found >>> 0;
}

/** The custom property that holds a hue. */
export function hueToken({ hue }: Hue): string {
	return `--service-${hue}`;
}
