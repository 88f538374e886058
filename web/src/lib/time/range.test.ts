import { describe, expect, it } from 'vitest';
import { absolute, parseTime, rangeLabel, resolveRange, widen } from './range';

const NOW = Date.UTC(2026, 2, 1, 12, 0, 0);

describe('a time', () => {
	it.each([
		['now', NOW],
		['now-90m', NOW - 90 * 60e3],
		['now - 2d', NOW - 2 * 86400e3],
		['now+1h', NOW + 3600e3],
		['1772366400', NOW],
		['1772366400000', NOW],
		['1772366400000000', NOW],
		['1772366400000000000', NOW],
		['2026-03-01T12:00:00Z', NOW],
		['2026-03-01T13:00:00+01:00', NOW],
		['yesterday', null],
		['5', null],
		['now-999999999999d', null],
		['', null]
	])('%s', (text, millis) => {
		expect(parseTime(text, NOW)).toBe(millis);
	});

	it('without a zone is local, also when it is a day alone', () => {
		expect(parseTime('2026-03-01', NOW)).toBe(new Date(2026, 2, 1).getTime());
		expect(parseTime('2026-03-01 14:30', NOW)).toBe(new Date(2026, 2, 1, 14, 30).getTime());
	});
});

describe('a range', () => {
	it('that cannot be read is the last hour; one that ends before it starts is turned', () => {
		expect(resolveRange({ from: 'x', to: 'y' }, NOW)).toEqual({ start: NOW - 3600e3, end: NOW });
		expect(resolveRange({ from: 'now', to: 'now-1h' }, NOW)).toEqual({ start: NOW - 3600e3, end: NOW });
	});

	it('is called as the picker calls it', () => {
		expect(rangeLabel({ from: 'now-1h', to: 'now' })).toBe('Last hour');
		expect(rangeLabel({ from: 'now-7m', to: 'now' })).toBe('now-7m to now');
	});

	it('is widened into the past when it ends now', () => {
		expect(widen({ from: 'now-1h', to: 'now' }, NOW, 4)).toEqual({ from: '2026-03-01T08:00:00.000Z', to: 'now' });
	});

	it('is widened on both sides, never beyond now nor before 1970', () => {
		const range = absolute(NOW - 4 * 3600e3, NOW - 3 * 3600e3);
		expect(widen(range, NOW, 3)).toEqual(absolute(NOW - 5 * 3600e3, NOW - 2 * 3600e3));
		expect(widen(range, NOW, 100).to).toBe(new Date(NOW).toISOString());
		let wide = range;
		for (let step = 0; step < 50; step += 1) wide = widen(wide, NOW, 4);
		expect(wide.from).toBe('1970-01-01T00:00:00.000Z');
	});
});
