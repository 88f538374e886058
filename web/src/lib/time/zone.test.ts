import { afterEach, describe, expect, it } from 'vitest';
import { timeTexts } from '$lib/chart/units';
import { ticks } from '$lib/correlate/lanes';
import { timeTicks } from '$lib/logs/timeTicks';
import { preciseTime } from '$lib/traces/time';
import { localTime, parseTime } from './range';
import { instantOf, LOCAL, offsetText, zone, zoneLabel } from './zone.svelte';

afterEach(() => zone.set(LOCAL));

const NOON = Date.UTC(2026, 2, 1, 12);

/** The zone, an instant, and what its clocks show then: by the tz database. */
const CLOCKS: [string, number, string, string][] = [
	['UTC', NOON, '2026-03-01 12:00:00.000', 'UTC'],
	['Europe/Berlin', NOON, '2026-03-01 13:00:00.000', 'UTC+1'],
	['Europe/Berlin', Date.UTC(2026, 6, 1, 12), '2026-07-01 14:00:00.000', 'UTC+2'],
	// The hour that comes twice, and the one that is left out.
	['Europe/Berlin', Date.UTC(2026, 9, 25, 0, 30), '2026-10-25 02:30:00.000', 'UTC+2'],
	['Europe/Berlin', Date.UTC(2026, 9, 25, 1, 30), '2026-10-25 02:30:00.000', 'UTC+1'],
	['Europe/Berlin', Date.UTC(2026, 2, 29, 1, 0), '2026-03-29 03:00:00.000', 'UTC+2'],
	['Asia/Kolkata', NOON, '2026-03-01 17:30:00.000', 'UTC+5:30'],
	['America/St_Johns', NOON, '2026-03-01 08:30:00.000', 'UTC−3:30'],
	['Pacific/Kiritimati', NOON, '2026-03-02 02:00:00.000', 'UTC+14'],
	['Asia/Tokyo', NOON + 123, '2026-03-01 21:00:00.123', 'UTC+9']
];

describe('a zone', () => {
	it.each(CLOCKS)('%s at %d shows %s', (name, millis, shown, label) => {
		expect(zone.set(name)).toBe(true);
		expect(localTime(millis)).toBe(shown);
		expect(zoneLabel(millis)).toBe(label);
	});

	it.each(CLOCKS.filter(([, , shown]) => !shown.startsWith('2026-10-25')))(
		'%s reads what it writes',
		(name, millis) => {
			zone.set(name);
			expect(parseTime(localTime(millis), 0)).toBe(millis);
			expect(instantOf(Date.parse(`${localTime(millis).replace(' ', 'T')}Z`))).toBe(millis);
			// A time that says its zone means it, whatever the page's is.
			expect(parseTime('2026-03-01T12:00:00Z', 0)).toBe(NOON);
		}
	);

	it('is one for lists, axes, lanes and spans', () => {
		zone.set('Asia/Kolkata');
		expect(timeTicks(NOON, NOON + 3600e3, 2).map((tick) => tick.label)).toEqual(['17:30', '18:00', '18:30']);
		expect(timeTexts([NOON, NOON + 1800e3], 1800e3)).toEqual(['17:30', '18:00']);
		expect(ticks({ from: 0, to: 3600e3 }, NOON, 300).map((tick) => tick.label)).toContain('18:00');
		expect(preciseTime(`${NOON}123456`)).toBe('2026-03-01 17:30:00.000123');
		expect(timeTicks(NOON, NOON + 2 * 86400e3, 3).map((tick) => tick.label)).toEqual(['03-02', '03-03']);
	});

	it('that nobody knows is refused', () => {
		zone.set('UTC');
		expect(zone.set('Mars/Olympus')).toBe(false);
		expect(zone.current).toBe('UTC');
	});

	it('is said in few characters', () => {
		expect([0, 3600e3, -12600e3, 20700e3].map(offsetText)).toEqual(['UTC', 'UTC+1', 'UTC−3:30', 'UTC+5:45']);
	});
});
