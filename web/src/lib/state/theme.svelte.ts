/** The theme in force, as `static/theme.js` chose it before the first paint, or as the person chooses it here. */
type Theme = 'dark' | 'light';

function createTheme() {
	let theme = $state<Theme>('dark');
	return {
		get current(): Theme {
			return theme;
		},
		/** To be called once the page stands. */
		read() {
			theme = document.documentElement.dataset.theme === 'light' ? 'light' : 'dark';
		},
		set(next: Theme) {
			theme = next;
			document.documentElement.dataset.theme = next;
			remember('clew.theme', next);
		},
		toggle() {
			this.set(theme === 'dark' ? 'light' : 'dark');
		}
	};
}

/** Keeps a preference; a browser that keeps none is no fault. */
export function remember(key: string, value: string) {
	try {
		localStorage.setItem(key, value);
	} catch {
		// Storage is switched off.
	}
}

/** A preference kept earlier. */
export function recall(key: string): string | null {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

export const theme = createTheme();

/**
 * The value of a colour token, for canvases: they do not follow the theme by themselves. Read it inside an effect that
 * also reads `theme.current`, so that the canvas is drawn again when the theme changes.
 */
export function token(name: string): string {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
