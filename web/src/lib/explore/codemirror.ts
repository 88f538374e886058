import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder, tooltips } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { typedOver } from '$ui/typedOver';
import { completionClient } from './completion';

/** The PromQL editor. It is loaded when a query is first shown: it is most of what the metrics page weighs. */

export interface EditorOptions {
	/** Where the editor stands. It gets a shadow root, in which its style sheets are allowed by the server's policy. */
	host: HTMLElement;
	text: string;
	/** Where the cursor stands at first; at the end unless told. */
	cursor?: number;
	label: string;
	hint: string;
	onchange: (text: string) => void;
	/** Enter. */
	onrun: () => void;
	/** The editor got the focus. */
	onfocus: () => void;
}

export interface Editor {
	setText: (text: string) => void;
	/** Puts a text in place of what is selected. */
	insert: (text: string) => void;
	focus: () => void;
	destroy: () => void;
}

const colors = HighlightStyle.define([
	{ tag: tags.string, color: 'var(--severity-warn)' },
	{ tag: tags.number, color: 'var(--severity-info)' },
	{ tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: 'var(--severity-info)', fontWeight: '600' },
	{ tag: [tags.function(tags.variableName)], color: 'var(--severity-info)' },
	{ tag: [tags.labelName], color: 'var(--accent)' },
	{ tag: tags.comment, color: 'var(--ink-faint)', fontStyle: 'italic' },
	{ tag: [tags.paren, tags.brace, tags.squareBracket, tags.operator], color: 'var(--ink-soft)' }
]);

const look = EditorView.theme({
	'&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: '13px' },
	'&.cm-focused': { outline: 'none' },
	'.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px', maxHeight: '180px', overflow: 'auto' },
	'.cm-content': { padding: '5px 0', caretColor: 'var(--ink)' },
	'.cm-line': { padding: '0 8px' },
	'.cm-cursor': { borderLeftColor: 'var(--ink)' },
	'.cm-placeholder': { color: 'var(--ink-faint)' },
	'.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
		backgroundColor: 'var(--accent-ground)'
	},
	'.cm-matchingBracket, &.cm-focused .cm-matchingBracket': {
		backgroundColor: 'var(--accent-ground)',
		outline: '1px solid var(--accent)'
	},
	'.cm-tooltip': {
		border: '1px solid var(--line)',
		borderRadius: '6px',
		backgroundColor: 'var(--surface)',
		color: 'var(--ink)',
		boxShadow: 'var(--shadow)'
	},
	'.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', fontSize: '12px', maxHeight: '260px' },
	'.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px', lineHeight: '20px' },
	'.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent-ground)', color: 'var(--ink)' },
	'.cm-completionDetail': { color: 'var(--ink-faint)', fontStyle: 'normal' },
	'.cm-completionMatchedText': { textDecoration: 'none', fontWeight: '700' },
	'.cm-completionInfo': { padding: '6px 8px', maxWidth: '320px', fontFamily: 'var(--font)', fontSize: '12px' },
	'.cm-diagnostic': { padding: '4px 8px', fontFamily: 'var(--font)', fontSize: '12px' },
	'.cm-diagnostic-error': { borderLeft: '4px solid var(--danger)' }
});

export function mountEditor(options: EditorOptions): Editor {
	const root = options.host.shadowRoot ?? options.host.attachShadow({ mode: 'open' });
	const client = completionClient();
	const promql = new PromQLExtension().setComplete({ remote: client, maxMetricsMetadata: 10_000 });
	const run = () => {
		options.onrun();
		return true;
	};
	const view = new EditorView({
		root,
		parent: root,
		state: EditorState.create({
			doc: options.text,
			selection: { anchor: Math.min(options.cursor ?? options.text.length, options.text.length) },
			extensions: [
				// Below the completion's own Enter, above the one that breaks the line.
				Prec.high(keymap.of([{ key: 'Enter', run, shift: insertNewlineAndIndent }])),
				Prec.highest(keymap.of([...completionKeymap, { key: 'Mod-Enter', run }])),
				promql.asExtension(),
				autocompletion({ icons: false, activateOnTypingDelay: 50 }),
				history(),
				bracketMatching(),
				closeBrackets(),
				typedOver(),
				syntaxHighlighting(colors),
				keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...lintKeymap]),
				placeholder(options.hint),
				tooltips({ position: 'fixed' }),
				EditorView.lineWrapping,
				EditorView.contentAttributes.of({ 'aria-label': options.label, spellcheck: 'false', autocorrect: 'off' }),
				EditorView.updateListener.of((update) => {
					if (update.docChanged) options.onchange(update.state.doc.toString());
					if (update.focusChanged && update.view.hasFocus) options.onfocus();
				}),
				look
			]
		})
	});
	return {
		setText(text) {
			if (text === view.state.doc.toString()) return;
			view.dispatch({
				changes: { from: 0, to: view.state.doc.length, insert: text },
				selection: { anchor: text.length }
			});
		},
		insert(text) {
			view.dispatch(view.state.replaceSelection(text));
			view.focus();
		},
		focus: () => view.focus(),
		destroy() {
			view.destroy();
			promql.destroy();
			client.destroy?.();
		}
	};
}
