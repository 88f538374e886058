import {
	acceptCompletion,
	autocompletion,
	type CompletionContext,
	type CompletionResult,
	closeCompletion,
	completionStatus,
	moveCompletionSelection,
	selectedCompletion,
	setSelectedCompletion
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { Compartment, EditorState, type Extension, RangeSetBuilder } from '@codemirror/state';
import {
	Decoration,
	type DecorationSet,
	EditorView,
	keymap,
	placeholder,
	ViewPlugin,
	type ViewUpdate
} from '@codemirror/view';
import { typedOver } from '$ui/typedOver';
import { completionAt } from './completion';
import { literal, nameOf } from './filters';
import { tokenize } from './tokens';

/** The query's editor; loaded when the page stands, since it weighs more than the rest of the page. */

export interface EditorOptions {
	/** The shadow root in which it stands: its styles are not of the page's, which allows no inline ones. */
	root: ShadowRoot;
	text: string;
	label: string;
	placeholder: string;
	/** What completion offers; both are asked while a person types. */
	fields: () => { name: string; records: number }[];
	values: (field: string) => Promise<{ value: string; records: number }[]>;
	onchange: (text: string) => void;
	onsubmit: () => void;
	/** Arrow up in the first line, or down in the last: older or newer; answers whether there was one. */
	onhistory: (direction: -1 | 1) => boolean;
	onescape: () => void;
}

export interface Editor {
	set(text: string): void;
	focus(): void;
	/** Underlines a place, UTF-16 units from the start, or nothing. */
	fault(at: number | null): void;
	destroy(): void;
}

/** Options offered at most. */
const MAX_OPTIONS = 60;

export function createEditor(options: EditorOptions): Editor {
	const faults = new Compartment();
	const view = new EditorView({
		root: options.root,
		parent: options.root,
		state: EditorState.create({
			doc: options.text,
			selection: { anchor: options.text.length },
			extensions: [
				history(),
				keys(options),
				keymap.of([...historyKeymap, ...defaultKeymap]),
				typedOver(),
				EditorView.lineWrapping,
				placeholder(options.placeholder),
				colours,
				faults.of([]),
				look,
				completion(options),
				EditorView.contentAttributes.of({
					'aria-label': options.label,
					spellcheck: 'false',
					autocapitalize: 'off',
					autocorrect: 'off'
				}),
				EditorView.updateListener.of((update) => {
					if (update.docChanged) options.onchange(update.state.doc.toString());
				})
			]
		})
	});
	return {
		set(text) {
			if (view.state.doc.toString() === text) return;
			view.dispatch({
				changes: { from: 0, to: view.state.doc.length, insert: text },
				selection: { anchor: text.length }
			});
		},
		focus: () => view.focus(),
		fault: (at) => view.dispatch({ effects: faults.reconfigure(at === null ? [] : underline(view.state, at)) }),
		destroy: () => view.destroy()
	};
}

function underline(state: EditorState, at: number): Extension {
	const length = state.doc.length;
	if (length === 0) return [];
	const from = Math.min(Math.max(0, at), length - 1);
	const rest = /^[^\s()]*/.exec(state.sliceDoc(from, length))?.[0].length ?? 0;
	const mark = Decoration.mark({ class: 'fault' }).range(from, Math.max(from + 1, from + rest));
	return EditorView.decorations.of(Decoration.set(mark));
}

function keys(options: EditorOptions): Extension {
	const atEdge = (view: EditorView, direction: -1 | 1) => {
		const { main } = view.state.selection;
		if (!main.empty || completionStatus(view.state) === 'active') return false;
		const line = view.state.doc.lineAt(main.head).number;
		return line === (direction < 0 ? 1 : view.state.doc.lines) && options.onhistory(direction);
	};
	const chosen = (view: EditorView) => selectedCompletion(view.state) !== null && acceptCompletion(view);
	return keymap.of([
		{
			key: 'Enter',
			run: (view) => {
				if (chosen(view)) return true;
				closeCompletion(view);
				options.onsubmit();
				return true;
			}
		},
		{
			key: 'Tab',
			run: (view) => {
				if (completionStatus(view.state) !== 'active') return false;
				if (chosen(view)) return true;
				view.dispatch({ effects: setSelectedCompletion(0) });
				return acceptCompletion(view);
			}
		},
		{
			key: 'Escape',
			run: (view) => {
				if (closeCompletion(view)) return true;
				options.onescape();
				return true;
			}
		},
		{ key: 'ArrowUp', run: (view) => moveCompletionSelection(false)(view) || atEdge(view, -1) },
		{ key: 'ArrowDown', run: (view) => moveCompletionSelection(true)(view) || atEdge(view, 1) }
	]);
}

function completion(options: EditorOptions): Extension {
	return autocompletion({
		defaultKeymap: false,
		selectOnOpen: false,
		// A field asks for its value at once.
		activateOnCompletion: (chosen) => chosen.type === 'field',
		icons: false,
		maxRenderedOptions: MAX_OPTIONS,
		override: [(context) => complete(context, options)]
	});
}

async function complete(context: CompletionContext, options: EditorOptions): Promise<CompletionResult | null> {
	const text = context.state.doc.toString();
	const found = completionAt(text, context.pos);
	if (found === null) {
		return context.explicit ? { from: context.pos, options: fieldOptions(options, nameOf, ':') } : null;
	}
	if (found.kind === 'field') {
		const keywords = ['AND', 'OR', 'NOT'].map((label) => ({ label, type: 'keyword', boost: -50 }));
		return {
			from: found.from,
			options: [...fieldOptions(options, nameOf, ':'), ...keywords],
			validFor: /^[\w.@/-]*$/
		};
	}
	if (found.kind === 'label') return { from: found.from, options: fieldOptions(options, (name) => name, '') };
	const quoting = found.kind === 'label-value';
	const values = await options.values(found.field).catch(() => []);
	if (context.aborted) return null;
	return {
		from: found.from,
		options: values.map(({ value, records }, index) => ({
			label: quoting ? JSON.stringify(value).slice(1, -1) : literal(value),
			detail: String(records),
			boost: -index
		}))
	};
}

function fieldOptions(options: EditorOptions, written: (name: string) => string, suffix: string) {
	return options.fields().map(({ name, records }, index) => ({
		label: written(name),
		type: 'field',
		apply: written(name) + suffix,
		detail: String(records),
		boost: -Math.min(index, 99)
	}));
}

const colours = ViewPlugin.fromClass(
	class {
		decorations: DecorationSet;

		constructor(view: EditorView) {
			this.decorations = coloured(view.state);
		}

		update(update: ViewUpdate) {
			if (update.docChanged) this.decorations = coloured(update.state);
		}
	},
	{ decorations: (plugin) => plugin.decorations }
);

function coloured(state: EditorState): DecorationSet {
	const builder = new RangeSetBuilder<Decoration>();
	for (const token of tokenize(state.doc.toString())) {
		if (token.kind !== 'blank' && token.kind !== 'word') {
			builder.add(token.from, token.to, Decoration.mark({ class: `t-${token.kind}` }));
		}
	}
	return builder.finish();
}

const look = EditorView.theme({
	'&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: 'var(--text)' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', maxHeight: '120px', overflow: 'auto' },
	'.cm-content': { padding: '4px 0', caretColor: 'var(--ink)' },
	'.cm-line': { padding: '0 2px' },
	'.cm-cursor': { borderLeftColor: 'var(--ink)' },
	'.cm-placeholder': { color: 'var(--ink-faint)', fontFamily: 'var(--font)' },
	'&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
		background: 'var(--accent-ground)'
	},
	'.t-field': { color: 'var(--severity-info)' },
	'.t-keyword, .t-not': { color: 'var(--warn)', fontWeight: '600' },
	'.t-operator, .t-open, .t-close': { color: 'var(--ink-faint)' },
	'.t-string, .t-regex': { color: 'var(--accent)' },
	'.t-number': { color: 'var(--good)' },
	'.fault': { textDecoration: 'underline wavy var(--danger)', textUnderlineOffset: '3px' },
	'.cm-tooltip': {
		border: '1px solid var(--line)',
		borderRadius: '6px',
		background: 'var(--surface)',
		boxShadow: 'var(--shadow)',
		color: 'var(--ink)'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul': {
		fontFamily: 'var(--mono)',
		fontSize: 'var(--text-small)',
		maxHeight: '264px',
		padding: '4px'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li': {
		display: 'flex',
		alignItems: 'center',
		minHeight: '24px',
		padding: '0 8px',
		borderRadius: '4px'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
		background: 'var(--accent-ground)',
		color: 'var(--ink)'
	},
	'.cm-completionLabel': { flex: '1', overflow: 'hidden', textOverflow: 'ellipsis' },
	'.cm-completionMatchedText': { textDecoration: 'none', color: 'var(--accent)', fontWeight: '700' },
	'.cm-completionDetail': { marginLeft: '16px', color: 'var(--ink-faint)', fontStyle: 'normal' }
});
