import { type Hue, Hues, hueToken } from '$lib/format/hues';
import { serviceHue } from '$lib/format/service';

/** Colours of series: they belong to the set of labels, so that a series has one in every chart, alone or among others. */

const hues = new Hues('clew.series-hues');

/** Labels whose value is a service: a series that has no other is that service's. */
const SERVICE_LABELS = new Set(['service', 'service_name', 'service.name', 'client', 'server']);

/** Lines of one colour in one chart are told apart by their dashes. */
const DASHES: readonly (number[] | undefined)[] = [undefined, [6, 3], [2, 3], [10, 3, 2, 3]];

/** The hue of a set of labels; the name of the metric is none of them, so that `rate(x)` looks as `x` does. */
export function labelHue(labels: Record<string, string>): Hue {
	const own = Object.entries(labels)
		.filter(([name]) => name !== '__name__')
		.sort(([one], [other]) => (one < other ? -1 : 1));
	const [only] = own;
	if (own.length === 1 && only && SERVICE_LABELS.has(only[0])) return serviceHue(only[1]);
	return hues.of(JSON.stringify(own));
}

/** The lines with their colours. */
export function coloured<T extends { metric: Record<string, string> }>(
	lines: readonly T[]
): (T & { color: string; dash: number[] | undefined })[] {
	const uses = new Map<number, number>();
	return lines.map((line) => {
		const found = labelHue(line.metric);
		const before = uses.get(found.hue) ?? 0;
		uses.set(found.hue, before + 1);
		return { ...line, color: hueToken(found), dash: DASHES[before % DASHES.length] };
	});
}
