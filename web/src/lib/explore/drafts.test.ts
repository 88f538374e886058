import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { View } from '$lib/state/view.svelte';
import { Drafts } from './drafts.svelte';

const view = { params: new URLSearchParams(), now: 0, again: vi.fn(), set: vi.fn() };
vi.mock('$lib/state/theme.svelte', () => ({ recall: () => null, remember: () => {} }));

/** A page that stands at this address; each change of it makes other parameters, as in the browser. */
function at(drafts: Drafts | null, search: string): Drafts {
	view.params = new URLSearchParams(search);
	const followed = drafts ?? new Drafts(view as unknown as View);
	followed.follow();
	return followed;
}

const texts = (drafts: Drafts) => drafts.list.map((one) => one.text);

function type(drafts: Drafts, text: string) {
	const first = drafts.list[0];
	if (first) first.text = text;
}

beforeEach(() => vi.clearAllMocks());

describe('Drafts', () => {
	it('keeps what is typed while the URL changes but for the queries', () => {
		const drafts = at(null, '?q=up');
		type(drafts, 'rate(up[5m])');
		at(drafts, '?q=up&from=now-5m');
		at(drafts, '?q=up&tab=table');
		expect(texts(drafts)).toEqual(['rate(up[5m])']);
		drafts.add();
		at(drafts, '?q=up&stack=1');
		expect(texts(drafts)).toEqual(['rate(up[5m])', '']);
	});
	it('takes over other queries, as Back brings them', () => {
		const drafts = at(null, '?q=up');
		type(drafts, 'unfinished(');
		at(drafts, '?q=a&q2=b');
		expect(texts(drafts)).toEqual(['a', 'b']);
		at(drafts, '');
		expect(texts(drafts)).toEqual(['']);
	});
	it('leaves the fields alone when what they hold is run', async () => {
		const drafts = at(null, '?q=up');
		type(drafts, ' a ');
		drafts.add();
		const fields = drafts.list.map((one) => one.id);
		await drafts.run();
		expect(view.set).toHaveBeenCalledWith(expect.objectContaining({ q: 'a', q2: '' }), { push: true });
		at(drafts, '?q=a');
		expect(drafts.list.map((one) => one.id)).toEqual(fields);
	});
	it('asks up to now, the same queries too', async () => {
		const drafts = at(null, '?q=up');
		await drafts.run();
		expect(view.again).toHaveBeenCalledOnce();
		expect(view.set).not.toHaveBeenCalled();
		type(drafts, 'other');
		view.now = 0;
		view.set.mockImplementation(() => expect(view.now).toBeGreaterThan(0));
		await drafts.run();
		expect(view.set).toHaveBeenCalledOnce();
	});
});
