import { describe, expect, it } from 'vitest';
import { tickTexts, timeTexts, valueLimits, valueText } from './units';

describe('tickTexts', () => {
	it('writes as many decimals as the distance needs', () => {
		expect(tickTexts([0, 0.25, 0.5], 'number')).toEqual(['0', '0.25', '0.50']);
		expect(tickTexts([0.9995, 0.9996], 'number')).toEqual(['0.9995', '0.9996']);
		expect(tickTexts([0, 500, 1000, 1500], 'number')).toEqual(['0', '0.5k', '1.0k', '1.5k']);
	});
	it('takes one unit for all ticks', () => {
		expect(tickTexts([0, 512 * 1024, 1024 * 1024], 'bytes')).toEqual(['0', '0.5 MiB', '1 MiB']);
		expect(tickTexts([0, 0.2, 0.4], 'seconds')).toEqual(['0', '200 ms', '400 ms']);
		expect(tickTexts([0, 1e9, 2e9], 'nanos')).toEqual(['0', '1 s', '2 s']);
		expect(tickTexts([0, 0.05, 0.1], 'percent')).toEqual(['0', '5 %', '10 %']);
	});
});

describe('valueText', () => {
	it('writes what is no number as Prometheus does', () => {
		expect(valueText(Number.NaN, 'number')).toBe('NaN');
		expect(valueText(Number.POSITIVE_INFINITY, 'bytes')).toBe('+Inf');
		expect(valueText(null, 'number')).toBe('–');
	});
	it('keeps the digits of small numbers', () => {
		expect(valueText(0.0000123, 'number')).toBe('1.23e-5');
		expect(valueText(0.25, 'seconds')).toBe('250 ms');
	});
});

describe('valueLimits', () => {
	it('starts at zero where values are near it, and stays close where they are not', () => {
		expect(valueLimits(1, 10, false)[0]).toBe(0);
		expect(valueLimits(900, 1000, false)[0]).toBeGreaterThan(800);
		expect(valueLimits(900, 1000, true)[0]).toBe(0);
	});
	it('gives a constant line some room', () => {
		expect(valueLimits(5, 5, false)).toEqual([0, 6]);
		expect(valueLimits(-5, -5, false)).toEqual([-6, 0]);
		expect(valueLimits(0, 0, false)).toEqual([0, 1]);
		expect(valueLimits(null, null, false)).toEqual([0, 1]);
	});
});

describe('timeTexts', () => {
	it('names the day where it changes', () => {
		const at = (day: number, hour: number) => new Date(2026, 2, day, hour).getTime();
		expect(timeTexts([at(1, 22), at(1, 23), at(2, 0), at(2, 1)], 3600e3)).toEqual(['22:00', '23:00', '03-02', '01:00']);
	});
});
