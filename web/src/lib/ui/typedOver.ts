import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';

/**
 * Typing over a selection is done by the editor. Left to the browser, it would keep the look of what was marked there (a
 * fault's underline, say) as an inline style, which the page's policy refuses.
 */
export function typedOver(): Extension {
	return EditorView.domEventHandlers({
		beforeinput(event, view) {
			const { main } = view.state.selection;
			const text = event.data;
			if (event.inputType !== 'insertText' || text === null || main.empty || view.composing || view.state.readOnly) {
				return false;
			}
			const insert = () =>
				view.state.update(view.state.replaceSelection(text), { userEvent: 'input.type', scrollIntoView: true });
			const handlers = view.state.facet(EditorView.inputHandler);
			if (!handlers.some((handle) => handle(view, main.from, main.to, text, insert))) view.dispatch(insert());
			event.preventDefault();
			return true;
		}
	});
}
