import { afterEach, describe, expect, it } from 'vitest';
import { LOCAL, zone } from '$lib/time/zone.svelte';
import { TimeField } from './timeField.svelte';

afterEach(() => zone.set(LOCAL));

const NOW = Date.UTC(2026, 2, 1, 18);

describe('the text of a time', () => {
	it('stays its instant in every zone that is chosen', () => {
		zone.set('UTC');
		const field = new TimeField();
		field.show('2026-03-01T12:00:00.000Z');
		expect(field.text).toBe('2026-03-01 12:00:00');
		zone.set('Asia/Kolkata');
		expect([field.text, field.at(NOW)]).toEqual(['2026-03-01 17:30:00', Date.UTC(2026, 2, 1, 12)]);
		// Typed there.
		field.text = '2026-03-01 18:30';
		zone.set('Europe/Berlin');
		expect([field.text, field.at(NOW)]).toEqual(['2026-03-01 14:00:00', Date.UTC(2026, 2, 1, 13)]);
		zone.set('Asia/Kolkata');
		expect(field.text).toBe('2026-03-01 18:30');
	});

	it('keeps the milliseconds and the hour that comes twice', () => {
		zone.set('Europe/Berlin');
		const field = new TimeField();
		for (const [param, text] of [
			['2026-10-25T00:30:00.250Z', '2026-10-25 02:30:00.250'],
			['2026-10-25T01:30:00.250Z', '2026-10-25 02:30:00.250'],
			['1772366400123', '2026-03-01 13:00:00.123']
		] as const) {
			field.show(param);
			const instant = /^\d+$/.test(param) ? Number(param) : Date.parse(param);
			expect([field.text, field.at(NOW)]).toEqual([text, instant]);
		}
	});

	it('stays as it was typed where it is relative or no time', () => {
		zone.set('UTC');
		const field = new TimeField();
		field.show('now-2h');
		zone.set('Asia/Tokyo');
		expect([field.text, field.relative, field.at(NOW)]).toEqual(['now-2h', true, Date.UTC(2026, 2, 1, 16)]);
		field.text = 'yesterday';
		zone.set('UTC');
		expect([field.text, field.relative, field.at(NOW)]).toEqual(['yesterday', false, null]);
	});
});
