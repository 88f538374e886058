import { afterEach, describe, expect, it, vi } from 'vitest';
import { HUES, Hues } from '$lib/format/hues';
import { serviceToken } from '$lib/format/service';
import { coloured, labelHue } from './colors';

function storage() {
	const kept = new Map<string, string>();
	vi.stubGlobal('localStorage', {
		getItem: (key: string) => kept.get(key) ?? null,
		setItem: (key: string, value: string) => kept.set(key, value)
	});
	return kept;
}

afterEach(() => vi.unstubAllGlobals());

const names = (count: number) => Array.from({ length: count }, (_, at) => `service-${at}`);

describe('hues', () => {
	it('are shared by no two names while there are enough, and then told apart by marks', () => {
		for (const prefix of ['', 'a', 'checkout-', 'x/y/']) {
			const hues = new Hues(`test${prefix}`);
			const given = names(5 * HUES).map((name) => hues.of(prefix + name));
			expect(new Set(given.slice(0, HUES).map((one) => one.hue)).size).toBe(HUES);
			expect(new Set(given.map((one) => `${one.hue} ${one.mark}`)).size).toBe(5 * HUES);
		}
	});

	it('stay with a name, in this session and the next', () => {
		storage();
		const first = new Hues('test');
		const given = names(30).map((name) => first.of(name));
		const next = new Hues('test');
		expect(
			names(30)
				.toReversed()
				.map((name) => next.of(name))
				.toReversed()
		).toEqual(given);
	});

	it('are given anew where what was kept cannot be read', () => {
		for (const bad of ['{', '7', '[1]', '[["a",99,0]]', '[["a","b"]]', 'null']) {
			storage().set('test', bad);
			expect(new Hues('test').of('a').hue).toBeLessThan(HUES);
		}
	});
});

describe('the colour of a series', () => {
	const series = (...sets: Record<string, string>[]) => coloured(sets.map((metric) => ({ metric })));

	it('belongs to its labels, whatever else is in the chart and whatever the metric is called', () => {
		const [ok, failed] = series({ outcome: 'ok', job: 'x' }, { outcome: 'failed', job: 'x' });
		const [alone] = series({ job: 'x', outcome: 'failed', __name__: 'tasks_total' });
		expect(alone?.color).toBe(failed?.color);
		expect(ok?.color).not.toBe(failed?.color);
	});

	it('is that of the service, where that is all it says', () => {
		expect(series({ service: 'checkout' })[0]?.color).toBe(serviceToken('checkout'));
		expect(labelHue({ service_name: 'checkout' })).toEqual(labelHue({ service: 'checkout', __name__: 'up' }));
	});

	it('is set apart by dashes where two lines of a chart share one', () => {
		const [one, two] = series({ a: '1', __name__: 'x' }, { a: '1', __name__: 'y' });
		expect([one?.color === two?.color, one?.dash, two?.dash]).toEqual([true, undefined, [6, 3]]);
	});
});
