import { untrack } from 'svelte';
import { recall, remember } from './theme.svelte';

/**
 * Keyboard shortcuts. A page registers its own while it is shown; the help lists what is registered. Shortcuts of a
 * single character can be switched off (WCAG 2.1.4); those with Ctrl or Meta stay.
 */
export interface Shortcut {
	/** As `KeyboardEvent.key` says, `Mod+k` for Ctrl or Cmd, `g l` for one key after another. */
	keys: string;
	/** What it does, for the help: "Open the trace". */
	label: string;
	/** Under which heading the help lists it. */
	group: string;
	run: () => void;
	/** Whether it also works while a text field has the focus. */
	inFields?: boolean;
}

/** Milliseconds within which the second key of a pair must follow. */
const PAIR_WINDOW = 1200;

class Shortcuts {
	private sets = $state.raw<Shortcut[][]>([]);
	enabled = $state(recall('clew.single-keys') !== 'off');
	private pending: { key: string; at: number } | null = null;

	get all(): Shortcut[] {
		return this.sets.flat();
	}

	/** Registers shortcuts until the returned function is called; meant for `$effect(() => shortcuts.use([...]))`. */
	use(set: Shortcut[]): () => void {
		// Untracked: the effect that registers must not run again because of what it wrote.
		untrack(() => {
			this.sets = [...this.sets, set];
		});
		return () => {
			untrack(() => {
				this.sets = this.sets.filter((one) => one !== set);
			});
		};
	}

	setEnabled(enabled: boolean) {
		this.enabled = enabled;
		remember('clew.single-keys', enabled ? 'on' : 'off');
	}

	/** Handles a key; the innermost page wins. */
	handle(event: KeyboardEvent) {
		if (event.defaultPrevented || event.isComposing) return;
		const inField = isField(event.target);
		const pressed = nameOf(event);
		const pair =
			this.pending && event.timeStamp - this.pending.at < PAIR_WINDOW ? `${this.pending.key} ${pressed}` : null;
		this.pending = null;
		const usable = (shortcut: Shortcut) =>
			(this.enabled || shortcut.keys.includes('Mod+')) && (!inField || shortcut.inFields === true);
		// The second key of a pair wins over the same key alone: `g l` leads to the logs where `l` does something else.
		const candidates = [...this.all].reverse().filter(usable);
		const found = candidates.find((one) => one.keys === pair) ?? candidates.find((one) => one.keys === pressed);
		if (found) {
			event.preventDefault();
			found.run();
			return;
		}
		const begins = !inField && this.enabled && this.all.some((one) => one.keys.startsWith(`${pressed} `));
		if (begins) this.pending = { key: pressed, at: event.timeStamp };
	}
}

function nameOf(event: KeyboardEvent): string {
	const key = event.key.length === 1 ? event.key : event.key;
	if (event.ctrlKey || event.metaKey) return `Mod+${key.toLowerCase()}`;
	if (event.altKey) return `Alt+${key.toLowerCase()}`;
	if (event.shiftKey && key.length > 1) return `Shift+${key}`;
	return key;
}

function isField(target: EventTarget | null): boolean {
	const element = target instanceof Element ? deepest(target) : null;
	const fields = 'input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]';
	return element?.matches(fields) ?? false;
}

/** The element that really has the focus: editors stand in shadow roots. */
function deepest(element: Element): Element {
	let inner = element;
	while (inner.shadowRoot?.activeElement) inner = inner.shadowRoot.activeElement;
	return inner;
}

export const shortcuts = new Shortcuts();
