import { recall, remember } from './theme.svelte';

/** How close rows of lists stand; `static/theme.js` applies it before the first paint. */
export type Density = 'compact' | 'comfortable';

/** Pixels of a row; `--row` in tokens.css says the same. */
const ROWS: Record<Density, number> = { compact: 22, comfortable: 28 };

class DensityState {
	current = $state<Density>(recall('clew.density') === 'comfortable' ? 'comfortable' : 'compact');

	/** Pixels of a row, for lists that place their rows themselves. */
	get row(): number {
		return ROWS[this.current];
	}

	set(next: Density) {
		this.current = next;
		document.documentElement.dataset.density = next;
		remember('clew.density', next);
	}
}

export const density = new DensityState();
