/** What is known of a metric, and which query shows it best. */

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'summary' | 'info' | 'unknown';

export interface MetricEntry {
	/** As it is queried; a histogram's or summary's name without its suffix. */
	name: string;
	type: MetricType;
	help: string;
	unit: string;
	/** How many series it has, over all its parts; `null` while unknown. */
	series: number | null;
	/** Whether it is a histogram of classic buckets: `<name>_bucket`. */
	buckets: boolean;
}

export interface Metadata {
	type: string;
	help: string;
	unit?: string;
}

const TYPES: readonly MetricType[] = ['counter', 'gauge', 'histogram', 'summary', 'info'];
const PARTS = ['_bucket', '_count', '_sum'];

/** What the server says of a metric; it names families, which lack the suffix of counters and parts of histograms. */
export function metadataOf(name: string, all: Record<string, Metadata[]>): Metadata | undefined {
	const candidates = [name, name.replace(/_(?:total|bucket|count|sum|info|created)$/, '')];
	for (const one of candidates) if (all[one]?.[0]) return all[one][0];
	return undefined;
}

/** The metrics to browse: the parts of a histogram are one entry. Sorted by name. */
export function entriesOf(
	names: readonly string[],
	metadata: Record<string, Metadata[]>,
	counts: ReadonlyMap<string, number> | null
): MetricEntry[] {
	const known = new Set(names);
	const entries = new Map<string, MetricEntry>();
	for (const name of names) {
		const family = familyOf(name, known);
		const about = metadataOf(name, metadata);
		const entry = entries.get(family) ?? {
			name: family,
			type: typeOf(name, about, known),
			help: about?.help ?? '',
			unit: about?.unit ?? '',
			series: null,
			buckets: known.has(`${family}_bucket`)
		};
		if (counts) entry.series = (entry.series ?? 0) + (counts.get(name) ?? 0);
		entries.set(family, entry);
	}
	return [...entries.values()].sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** A part of a histogram or summary belongs to the family that has both a count and a sum. */
function familyOf(name: string, known: ReadonlySet<string>): string {
	const part = PARTS.find((one) => name.endsWith(one));
	if (part === undefined) return name;
	const family = name.slice(0, -part.length);
	return known.has(`${family}_count`) && known.has(`${family}_sum`) ? family : name;
}

function typeOf(name: string, about: Metadata | undefined, known: ReadonlySet<string>): MetricType {
	const said = TYPES.find((type) => type === about?.type);
	if (said) return said;
	const family = familyOf(name, known);
	if (family !== name || known.has(`${family}_count`)) return known.has(`${family}_bucket`) ? 'histogram' : 'summary';
	if (name.endsWith('_total')) return 'counter';
	if (name.endsWith('_info')) return 'info';
	return 'unknown';
}

/** The query that shows a metric at first sight. */
export function queryFor(entry: MetricEntry, window = '5m'): string {
	switch (entry.type) {
		case 'counter':
			return `rate(${entry.name}[${window}])`;
		case 'histogram':
			return entry.buckets
				? `histogram_quantile(0.95, sum by (le) (rate(${entry.name}_bucket[${window}])))`
				: `histogram_quantile(0.95, sum(rate(${entry.name}[${window}])))`;
		case 'summary':
			return `rate(${entry.name}_sum[${window}]) / rate(${entry.name}_count[${window}])`;
		default:
			return entry.name;
	}
}

/** A query to start from, with what it shows. */
export interface Starter {
	title: string;
	query: string;
}

/** Metrics about Clew itself and about scraping come after those of the systems that are watched. */
const OWN = /^(?:clew_|process_|scrape_|up$|target_info$)/;
/** How many queries an empty page offers. */
const STARTERS = 6;

/** A few queries that have an answer, because their metrics exist; of each type at first one, then more. */
export function startersOf(entries: readonly MetricEntry[]): Starter[] {
	const usable = entries.filter((entry) => entry.type !== 'info' && entry.name !== 'up');
	const ranked = [...usable].sort((a, b) => Number(OWN.test(a.name)) - Number(OWN.test(b.name)));
	const starters: Starter[] = [];
	if (entries.some((entry) => entry.name === 'up')) starters.push({ title: 'Which targets answer', query: 'up' });
	const kinds: MetricType[] = ['histogram', 'counter', 'gauge', 'unknown'];
	const queues = kinds.map((kind) => ranked.filter((entry) => entry.type === kind));
	for (let round = 0; starters.length < STARTERS && queues.some((queue) => queue.length > round); round += 1) {
		for (const queue of queues) {
			const entry = queue[round];
			if (entry && starters.length < STARTERS) starters.push(starterOf(entry));
		}
	}
	return starters;
}

function starterOf(entry: MetricEntry): Starter {
	const what = entry.help === '' ? entry.name : entry.help.replace(/\.$/, '');
	switch (entry.type) {
		case 'counter':
			return { title: `${what}: per second`, query: queryFor(entry) };
		case 'histogram':
			return { title: `${what}: slowest 5 %`, query: queryFor(entry) };
		default:
			return { title: what, query: queryFor(entry) };
	}
}
