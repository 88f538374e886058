import { base } from '$app/paths';
import { failureOf, unreachable } from '$lib/api/client';

/** What the server is, holds and has taken: `GET /api/v1/status`. */
export interface Status {
	version: string;
	/** RFC 3339. */
	started: string;
	uptime_seconds: number;
	ready: boolean;
	addresses: Addresses;
	/** The tenant that the numbers are about; absent where none are told apart. */
	tenant?: string;
	/** Empty where it is not shown. */
	data_dir: string;
	/** Resident memory; absent where the system does not tell. */
	memory_bytes?: number;
	/** Outside data in memory by who holds it. */
	memory_shares: MemoryShare[];
	/** What all signals may take on disk; absent when unlimited. */
	max_bytes?: number;
	auth: { mode: string; explicit: boolean };
	signals: SignalStatus[];
	sources: Source[];
	config_warnings: string[];
	/** Files of the data directory itself that were damaged or missing; absent before. */
	set_aside?: SetAside[];
	disk_full?: boolean;
	/** Absent while the clock is believed. */
	clock_doubt?: { ahead_seconds: number; wait_seconds: number };
	demo: boolean;
	/** Whether the data goes when the server stops. */
	temporary: boolean;
}

/** One share of the memory, in bytes. */
export interface MemoryShare {
	name: string;
	bytes: number;
	limit: number;
}

/** Listeners as host and port. */
export interface Addresses {
	http: string;
	otlp_grpc: string;
	otlp_http: string;
}

export type SignalName = 'logs' | 'metrics' | 'traces';
export type Protocol = 'otlp_grpc' | 'otlp_http' | 'json_logs' | 'scrape';

export interface SignalStatus {
	signal: SignalName;
	/** Records since the start of the process. */
	accepted: number;
	rejected: number;
	hot_records: number;
	hot_bytes: number;
	sealed_records: number;
	sealed_bytes: number;
	parts: number;
	retention_nanos?: number;
	retention_bytes?: number;
	failed: boolean;
	/** Why nothing is taken and answered until a restart. */
	closed?: string;
	/** The first hundred. */
	set_aside?: SetAside[];
	set_aside_files?: number;
	set_aside_records?: number;
	lost_requests?: number;
}

/** A file that is not read because it is damaged or missing. */
export interface SetAside {
	file: string;
	reason: string;
	/** Absent where nobody knows. */
	records?: number;
	requests?: number;
}

export interface Source {
	signal: SignalName;
	protocol: Protocol;
	accepted: number;
	rejected: number;
	/** RFC 3339; absent where all were refused. */
	last_received?: string;
}

export async function fetchStatus(signal?: AbortSignal): Promise<Status> {
	const response = await fetch(`${base}/api/v1/status`, { signal }).catch((cause) => {
		throw unreachable(cause);
	});
	const body = await response.json().catch(() => undefined);
	if (!response.ok || body === undefined) throw failureOf(body, response.status);
	return body as Status;
}

/** What a record of a signal is called. */
export const RECORDS: Record<SignalName, { one: string; many: string }> = {
	logs: { one: 'log', many: 'logs' },
	metrics: { one: 'sample', many: 'samples' },
	traces: { one: 'span', many: 'spans' }
};
