import { describe, expect, it } from 'vitest';
import { niceStep, tickLabel, timeTicks } from './timeTicks';

describe('time ticks', () => {
	it('takes round steps, never more than asked', () => {
		expect(niceStep(3600e3, 60)).toBe(60e3);
		expect(niceStep(3600e3, 59)).toBe(120e3);
		expect(niceStep(86400e3, 8)).toBe(10800e3);
	});

	it('stands at round times within the range', () => {
		const start = new Date(2026, 2, 1, 10, 7, 30).getTime();
		const labels = timeTicks(start, start + 3600e3, 6).map((tick) => tick.label);
		expect(labels).toEqual(['10:10', '10:20', '10:30', '10:40', '10:50', '11:00']);
	});

	it('names the day at midnight and seconds where minutes repeat', () => {
		expect(tickLabel(new Date(2026, 2, 2).getTime(), 3600e3)).toBe('03-02');
		expect(tickLabel(new Date(2026, 2, 2, 9, 0, 5).getTime(), 5e3)).toBe('09:00:05');
		expect(timeTicks(5, 5, 3)).toEqual([]);
	});
});
