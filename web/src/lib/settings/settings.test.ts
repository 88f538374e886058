import { describe, expect, it } from 'vitest';
import type { SignalStatus, Status } from '$lib/status/status';
import { sharesOf } from './storage';
import { ago, chosenTargets, type Target } from './targets';

const target = (health: Target['health'], job: string, error = ''): Target => ({
	discoveredLabels: {},
	labels: { job, instance: `${job}:9100` },
	scrapePool: job,
	scrapeUrl: `http://${job}:9100/metrics`,
	lastError: error,
	lastScrape: '2026-11-28T21:00:00Z',
	lastScrapeDuration: 0.1,
	health,
	scrapeInterval: '15s',
	scrapeTimeout: '10s'
});

describe('targets', () => {
	const all = [target('up', 'b'), target('up', 'a'), target('down', 'z', 'connection refused'), target('unknown', 'm')];
	const jobs = (filter: string, health: string) => chosenTargets(all, filter, health).map((one) => one.scrapePool);

	it('stand with what is down first', () => {
		expect(jobs('', '')).toEqual(['z', 'm', 'a', 'b']);
	});

	it('are found by words of labels, address and error', () => {
		expect(jobs('job=a', '')).toEqual(['a']);
		expect(jobs('REFUSED', '')).toEqual(['z']);
		expect(jobs('9100 //b', 'up')).toEqual(['b']);
		expect(jobs('', 'unknown')).toEqual(['m']);
	});

	it('say how long ago they were scraped', () => {
		const now = Date.UTC(2026, 10, 28, 21, 0, 42);
		expect(ago('2026-11-28T21:00:00Z', now)).toBe('42 s ago');
		expect(ago('2026-11-28T19:00:42Z', now)).toBe('2 h ago');
		expect(ago('0001-01-01T00:00:00Z', now)).toBe('');
	});
});

describe('storage', () => {
	const signal = (name: SignalStatus['signal'], hot: number, sealed: number) =>
		({ signal: name, hot_bytes: hot, sealed_bytes: sealed }) as SignalStatus;
	const status = (max?: number) =>
		({ max_bytes: max, signals: [signal('logs', 100, 200), signal('traces', 0, 100)] }) as Status;

	it('is shared out of what is allowed, by what lies on disk', () => {
		expect(sharesOf(status(1000)).map((one) => [one.signal, one.bytes, one.share])).toEqual([
			['logs', 200, 0.2],
			['traces', 100, 0.1]
		]);
	});

	it('is shared out of all that is used where nothing bounds it', () => {
		expect(sharesOf(status()).map((one) => one.share)).toEqual([2 / 3, 1 / 3]);
	});
});
