import { shownValue } from './attributes';
import type { SpanNode, Trace } from './tree';

/** Everything of each span that a search looks at, in lower case; made once for a trace. */
export function searchTexts(trace: Trace): string[] {
	return trace.nodes.map(({ span }) => {
		const parts = [span.name, span.service, span.kind, span.span_id, span.status.code, span.status.message ?? ''];
		for (const [name, value] of Object.entries(span.attributes)) parts.push(`${name}=${shownValue(value)}`);
		for (const event of span.events ?? []) {
			parts.push(event.name);
			for (const [name, value] of Object.entries(event.attributes)) parts.push(`${name}=${shownValue(value)}`);
		}
		return parts.join('\n').toLowerCase();
	});
}

/** Indexes of the nodes that hold every word of the text, in order; a part in double quotes is one word. */
export function findSpans(texts: readonly string[], text: string): number[] {
	const words = [...text.toLowerCase().matchAll(/"([^"]+)"?|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
	if (words.length === 0) return [];
	const found: number[] = [];
	texts.forEach((one, index) => {
		if (words.every((word) => one.includes(word))) found.push(index);
	});
	return found;
}

/** The match after (or before) a node, around the ends; `undefined` when there is none. */
export function nextMatch(matches: readonly number[], from: number, direction: 1 | -1): number | undefined {
	if (direction === 1) return matches.find((one) => one > from) ?? matches[0];
	return matches.findLast((one) => one < from) ?? matches.at(-1);
}

/** The first span with an error after a node, around the end; the deepest cause of it comes later in the list. */
export function nextError(trace: Trace, from: number): SpanNode | undefined {
	const failed = trace.nodes.filter((node) => node.error);
	return failed.find((node) => node.index > from) ?? failed[0];
}
