import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Later, later } from './later';

const page = vi.hoisted(() => ({
	navigate: (_: unknown) => {},
	destroy: () => {}
}));
vi.mock('$app/navigation', () => ({
	beforeNavigate: (callback: (navigation: unknown) => void) => {
		page.navigate = callback;
	}
}));
vi.mock('svelte', () => ({
	onDestroy: (callback: () => void) => {
		page.destroy = callback;
	}
}));
vi.mock('./view.svelte', () => ({ getView: () => ({}) }));

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const at = (path: string) => ({ url: new URL(path, 'http://h') });

describe('what is written later', () => {
	it('is written once, together, when nothing more comes', () => {
		const write = vi.fn();
		const own = new Later({ write });
		own.set({ sel: 'a' });
		vi.advanceTimersByTime(150);
		own.set({ sel: 'b', zoom: '1' });
		vi.advanceTimersByTime(150);
		expect(write).not.toHaveBeenCalled();
		expect(own.waiting).toBe(true);
		vi.advanceTimersByTime(100);
		expect(write.mock.calls).toEqual([[{ sel: 'b', zoom: '1' }]]);
		expect(own.waiting).toBe(false);
	});

	it('is written at once when asked, and not again', () => {
		const write = vi.fn();
		const own = new Later({ write });
		own.set({ sel: 'a' });
		own.now();
		own.now();
		vi.runAllTimers();
		expect(write).toHaveBeenCalledTimes(1);
	});
});

describe('what a page would write later', () => {
	const drop = vi.fn();
	const write = vi.fn();

	function waiting() {
		drop.mockClear();
		write.mockClear();
		later({ write, dropped: drop }).set({ sel: 'a' });
	}

	it('is dropped by a navigation to another page, by a link, by Back and when the page goes', () => {
		const leave = [
			() => page.navigate({ type: 'goto', from: at('/logs'), to: at('/traces/1') }),
			() => page.navigate({ type: 'link', from: at('/logs?q=a'), to: at('/logs?q=b') }),
			() => page.navigate({ type: 'popstate', from: at('/logs?q=b'), to: at('/logs?q=a') }),
			() => page.destroy()
		];
		for (const one of leave) {
			waiting();
			one();
			vi.runAllTimers();
			expect(drop).toHaveBeenCalledTimes(1);
			expect(write).not.toHaveBeenCalled();
		}
	});

	it("outlasts the page's own changes of its URL", () => {
		waiting();
		page.navigate({ type: 'goto', from: at('/logs'), to: at('/logs?wrap=1') });
		vi.runAllTimers();
		expect(write).toHaveBeenCalledTimes(1);
	});
});
