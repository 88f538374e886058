import { describe, expect, it } from 'vitest';
import type { Schema } from '$lib/api/client';
import {
	type Choice,
	firstLook,
	kept,
	messageText,
	nextError,
	offsetText,
	ownOf,
	parseZoom,
	passes,
	type StoryEvent,
	seriesText,
	storyOf,
	within,
	zoomed,
	zoomText
} from './story';

const SECOND = 1_000_000_000n;
const START = 1_795_899_000n * SECOND;

interface Made {
	at: bigint;
	end?: bigint;
	kind?: 'log' | 'span' | 'exemplar';
	error?: boolean;
	depth?: number;
	lane?: number;
	trace?: string;
}

function event({ at, end = at, kind = 'log', error = false, depth = 0, lane = 0, trace }: Made): StoryEvent {
	const common = {
		time: '',
		time_unix_nano: String(START + at),
		end_unix_nano: String(START + end),
		lane,
		is_error: error,
		reached: { depth, id: 'req-1', field: 'correlation_id' }
	};
	const record = {
		log: { id: `${START + at}-1`, severity: error ? 'ERROR' : 'INFO', message: 'said', trace_id: trace },
		span: { trace_id: 'a'.repeat(32), span_id: String(at), name: 'work', status: { code: error ? 'error' : 'unset' } },
		exemplar: { series: { __name__: 'm_bucket', le: '1' }, labels: trace ? { trace_id: trace } : {}, value: '0.5' }
	}[kind];
	return { ...common, kind, [kind]: record } as unknown as StoryEvent;
}

function storyFrom(made: Made[]) {
	return storyOf({ timeline: made.map(event) } as unknown as Schema['CorrelationDto']);
}

const ALL: Choice = { hidden: new Set(), errorsOnly: false, severity: '', lane: -1 };

describe('a story', () => {
	it('keeps nanoseconds apart that a double of Unix time would not', () => {
		const story = storyFrom([{ at: 0n }, { at: 1n }, { at: 2_500_000n }]);
		expect(story.items.map((item) => item.at)).toEqual([0, 1e-6, 2.5]);
		expect(story.origin).toBe(1_795_899_000_000);
	});

	it('is empty when nothing carries the ID', () => {
		expect(storyFrom([])).toEqual({ origin: 0, length: 0, items: [], begin: 0, firstError: -1 });
	});

	it('lasts until the end of the span that ends last', () => {
		expect(storyFrom([{ at: 0n, end: 9n * SECOND, kind: 'span' }, { at: SECOND }]).length).toBe(9_000);
	});

	it('marks the error that happened first, not an earlier one of something else', () => {
		const story = storyFrom([
			{ at: 0n, error: true, depth: 2 },
			{ at: 1n, error: true, depth: 1 },
			{ at: 2n },
			{ at: 3n, error: true },
			{ at: 4n, error: true }
		]);
		expect(story.firstError).toBe(3);
		expect(storyFrom([{ at: 0n }]).firstError).toBe(-1);
		expect(storyFrom([{ at: 0n, error: true, depth: 2 }]).firstError).toBe(0);
	});

	it('marks the span at which a chain broke, though only its trace leads there, not the parent that waited', () => {
		const chain = storyFrom([
			{ at: 0n, end: 100n, kind: 'span', error: true },
			{ at: 10n, end: 90n, kind: 'span', error: true, depth: 1 },
			{ at: 20n, end: 80n, kind: 'span', error: true, depth: 1 }
		]);
		expect(chain.firstError).toBe(2);
		const together = storyFrom([
			{ at: 0n, end: 100n, kind: 'span', error: true },
			{ at: 10n, end: 100n, kind: 'span', error: true }
		]);
		expect(together.firstError).toBe(1);
	});

	it('counts what carries the ID apart from what that leads to', () => {
		const story = storyFrom([
			{ at: 0n, depth: 1, error: true },
			{ at: SECOND, kind: 'span', end: 3n * SECOND, lane: 1 },
			{ at: 2n * SECOND, error: true }
		]);
		expect(ownOf(story)).toEqual({ first: 1000, last: 3000, log: 1, span: 1, exemplar: 0, errors: 1, lanes: 2 });
		expect(story.begin).toBe(1000);
		expect(offsetText(story, 0)).toBe('−1 s');
		expect(offsetText(story, 1000)).toBe('0');
		expect(offsetText(story, 1250)).toBe('+250 ms');
	});
});

describe('the first look', () => {
	it('is where the ID itself was seen when following leads far away', () => {
		const story = storyFrom([
			{ at: 0n, depth: 2 },
			{ at: 1000n * SECOND },
			{ at: 1010n * SECOND },
			{ at: 3600n * SECOND, depth: 1 }
		]);
		const look = firstLook(story);
		expect(look?.from).toBeCloseTo(999_400);
		expect(look?.to).toBeCloseTo(1_010_600);
	});

	it('holds the trace that the one record with the ID names, but not when its metrics were sent', () => {
		const story = storyFrom([
			{ at: 0n, end: 10n * SECOND, kind: 'span', depth: 1 },
			{ at: 11n * SECOND, trace: 'a'.repeat(32) },
			{ at: 300n * SECOND, kind: 'exemplar', depth: 1, trace: 'a'.repeat(32) }
		]);
		const look = firstLook(story);
		expect(look?.from).toBeCloseTo(-660);
		expect(look?.to).toBeCloseTo(11_660);
	});

	it('is everything when the ID is seen in most of it, or in none', () => {
		expect(firstLook(storyFrom([{ at: 0n }, { at: 8n * SECOND }, { at: 10n * SECOND, depth: 1 }]))).toBeNull();
		expect(
			firstLook(
				storyFrom([
					{ at: 0n, depth: 1 },
					{ at: SECOND, depth: 1 }
				])
			)
		).toBeNull();
	});
});

describe('choosing', () => {
	const story = storyFrom([
		{ at: 0n, end: 5n * SECOND, kind: 'span', error: true },
		{ at: SECOND, lane: 1 },
		{ at: 2n * SECOND, error: true },
		{ at: 6n * SECOND, kind: 'exemplar' }
	]);
	const passing = (choice: Partial<Choice>) =>
		story.items.filter((item) => passes(item, { ...ALL, ...choice })).map((item) => item.index);

	it('by signal, errors, severity and lane', () => {
		expect(passing({})).toEqual([0, 1, 2, 3]);
		expect(passing({ hidden: new Set(['log']) })).toEqual([0, 3]);
		expect(passing({ errorsOnly: true })).toEqual([0, 2]);
		expect(passing({ severity: 'INFO' })).toEqual([1]);
		expect(passing({ lane: 1 })).toEqual([1]);
	});

	it('by time keeps a span that only reaches into it', () => {
		expect(within(story.items, { from: 4_000, to: 6_000 }).map((item) => item.index)).toEqual([0, 3]);
		expect(within(story.items, null)).toHaveLength(4);
	});

	it('goes from error to error and round again', () => {
		expect(nextError(story.items, -1)?.index).toBe(0);
		expect(nextError(story.items, 0)?.index).toBe(2);
		expect(nextError(story.items, 2)?.index).toBe(0);
		expect(nextError(storyFrom([{ at: 0n }]).items, -1)).toBeNull();
	});
});

describe('zooming', () => {
	const whole = { from: 0, to: 1000 };

	it('keeps the instant under the pointer where it is', () => {
		const next = zoomed({ from: 0, to: 1000 }, whole, 0.5, 250);
		expect(next).toEqual({ from: 125, to: 625 });
	});

	it('never leaves the story', () => {
		expect(zoomed({ from: 0, to: 500 }, whole, 4, 0)).toEqual(whole);
		expect(kept({ from: 900, to: 1100 }, whole)).toEqual({ from: 800, to: 1000 });
	});

	it('survives the URL', () => {
		const origin = 1_795_899_000_000.125;
		const span = { from: 10.5, to: 2000.25 };
		const back = parseZoom(zoomText(span, origin), origin);
		expect(back?.from).toBeCloseTo(10.5, 2);
		expect(back?.to).toBeCloseTo(2000.25, 2);
		expect(parseZoom('all', origin)).toBeNull();
		expect(parseZoom('', origin)).toBeUndefined();
		expect(parseZoom('5_4', 0)).toBeUndefined();
	});
});

describe('texts', () => {
	it('are one line', () => {
		expect(messageText('a\n  b')).toBe('a ↵ b');
		expect(messageText({ a: 1 })).toBe('{"a":1}');
		expect(messageText(undefined)).toBe('');
	});

	it('write a series as PromQL does', () => {
		expect(seriesText({ __name__: 'up', job: 'a"b' })).toBe('up{job="a\\"b"}');
		expect(seriesText({ __name__: 'up' })).toBe('up');
		expect(seriesText({ job: 'x' })).toBe('{job="x"}');
	});
});
