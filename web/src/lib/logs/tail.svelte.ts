import { base } from '$app/paths';
import { type ApiFailure, answer, api, failureOf } from '$lib/api/client';
import { parseJson } from '$lib/api/json';
import { searchOf } from '$lib/url/link';
import type { Log } from './record';
import { arrived, EMPTY_TAIL, lastArrived, resumed, type TailBuffer } from './tailBuffer';

/** Milliseconds before a refused or lost tail is asked for again, at first and at most. */
const RETRY_FIRST = 1_000;
const RETRY_MOST = 15_000;
/** Records that a tail begins with. */
const SEED = 200;

/** Records as they come, by server-sent events. */
export class LiveTail {
	private buffer = $state.raw<TailBuffer>(EMPTY_TAIL);
	/** `lost`: the connection is being made again. `refused`: the server said no, and says why. */
	status = $state<'off' | 'connecting' | 'open' | 'lost' | 'refused'>('off');
	/** Records that the server had to leave out, since they came too fast. */
	dropped = $state(0);
	/** What may be missing of what came while the connection was lost. */
	warnings = $state.raw<string[]>([]);
	failure = $state.raw<ApiFailure | null>(null);
	paused = $state(false);

	private source: EventSource | null = null;
	private seeding: AbortController | null = null;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private retry = RETRY_FIRST;
	private query = '';
	private lastId = '';

	get rows(): Log[] {
		return this.buffer.rows;
	}

	/** All that came and is still held, those too that wait. */
	get arrivals(): Log[] {
		return this.buffer.waiting.length === 0 ? this.buffer.rows : [...this.buffer.waiting, ...this.buffer.rows];
	}

	get waiting(): number {
		return this.buffer.waiting.length + this.buffer.overflown;
	}

	/** Follows a query after the records shown already (newest first); where that is `null`, the newest come first. */
	async start(query: string, shown: readonly Log[] | null) {
		this.stop();
		this.buffer = EMPTY_TAIL;
		this.query = query;
		this.dropped = 0;
		this.warnings = [];
		this.paused = false;
		this.retry = RETRY_FIRST;
		this.status = 'connecting';
		const abort = new AbortController();
		this.seeding = abort;
		const rows = shown ?? (await newest(query, abort.signal));
		if (abort.signal.aborted) return;
		this.buffer = { ...EMPTY_TAIL, rows: [...rows] };
		this.lastId = lastArrived(rows);
		this.connect();
	}

	stop() {
		this.seeding?.abort();
		this.seeding = null;
		clearTimeout(this.timer);
		this.source?.close();
		this.source = null;
		this.status = 'off';
		this.failure = null;
	}

	pause() {
		this.paused = true;
	}

	resume() {
		this.paused = false;
		this.buffer = resumed(this.buffer);
	}

	/** Asks again now. */
	again() {
		this.retry = RETRY_FIRST;
		this.connect();
	}

	private url(): string {
		return `${base}/api/v1/logs/tail${searchOf({ query: this.query, after: this.lastId })}`;
	}

	private connect() {
		clearTimeout(this.timer);
		this.source?.close();
		if (this.status !== 'lost') this.status = 'connecting';
		this.failure = null;
		const source = new EventSource(this.url());
		this.source = source;
		source.addEventListener('ready', () => {
			this.status = 'open';
			this.retry = RETRY_FIRST;
		});
		source.addEventListener('logs', (event) => {
			const batch = read<{ logs?: Log[] }>(event)?.logs ?? [];
			if (event.lastEventId) this.lastId = event.lastEventId;
			this.status = 'open';
			this.buffer = arrived(this.buffer, batch, this.paused);
		});
		source.addEventListener('warning', (event) => {
			this.warnings = read<{ warnings?: string[] }>(event)?.warnings ?? [];
		});
		source.addEventListener('dropped', (event) => {
			this.dropped += read<{ dropped?: number }>(event)?.dropped ?? 0;
		});
		source.onerror = () => {
			if (this.source !== source) return;
			if (source.readyState === EventSource.CLOSED) void this.ask();
			else this.status = 'lost';
		};
	}

	/** An event source does not tell why it was refused: the same is asked once more, to read the answer. */
	private async ask() {
		const asked = this.source;
		const abort = new AbortController();
		const response = await fetch(this.url(), { signal: abort.signal }).catch(() => null);
		const refused = response !== null && !response.ok;
		const failure = refused ? failureOf(await response.json().catch(() => null), response.status) : null;
		abort.abort();
		if (this.source !== asked) return;
		if (failure && failure.status >= 400 && failure.status < 500 && failure.status !== 429) {
			this.failure = failure;
			this.status = 'refused';
			return;
		}
		this.failure = failure;
		this.status = 'lost';
		this.timer = setTimeout(() => this.connect(), this.retry);
		this.retry = Math.min(RETRY_MOST, this.retry * 2);
	}
}

/** What a tail begins with. Where it cannot be had, the tail itself says why. */
async function newest(query: string, signal: AbortSignal): Promise<Log[]> {
	const params = { query: { query: query || undefined, limit: SEED } };
	const page = await answer(api.GET('/api/v1/logs', { params, signal })).catch(() => null);
	return page?.logs ?? [];
}

function read<T>(event: MessageEvent): T | null {
	try {
		return parseJson(event.data) as T;
	} catch {
		return null;
	}
}
