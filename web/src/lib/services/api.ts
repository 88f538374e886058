import { base } from '$app/paths';
import { failureOf, type Schema, unreachable } from '$lib/api/client';

/** The calls about services that tell of one service and of who calls whom. */

type Quantiles = NonNullable<Schema['ServiceDto']['duration_nanos']>;

export interface OperationDto {
	name: string;
	kind: string;
	spans: number;
	errors: number;
	duration_nanos?: Quantiles | null;
}

export interface ServiceStepDto {
	/** RFC 3339. */
	start: string;
	start_unix_nano: string;
	spans: number;
	errors: number;
	duration_nanos?: Quantiles | null;
}

/** Calls between this service and another. */
export interface NeighbourDto {
	service: string;
	calls: number;
	errors: number;
}

export interface ServiceDetailDto {
	name: string;
	start: string;
	end: string;
	step_nanos: number;
	spans: number;
	errors: number;
	last_seen?: string | null;
	duration_nanos?: Quantiles | null;
	operations: OperationDto[];
	series: ServiceStepDto[];
	callers: NeighbourDto[];
	callees: NeighbourDto[];
	warnings?: string[];
}

export interface MapNodeDto {
	name: string;
	spans: number;
	errors: number;
}

export interface MapEdgeDto {
	client: string;
	server: string;
	calls: number;
	errors: number;
}

export interface ServiceMapDto {
	nodes: MapNodeDto[];
	edges: MapEdgeDto[];
	warnings?: string[];
}

export interface Bounds {
	start: string;
	end: string;
}

export function fetchService(name: string, bounds: Bounds, signal: AbortSignal): Promise<ServiceDetailDto> {
	return get(`/api/v1/services/${encodeURIComponent(name)}`, bounds, signal);
}

export function fetchMap(bounds: Bounds, signal: AbortSignal): Promise<ServiceMapDto> {
	return get('/api/v1/service-map', bounds, signal);
}

async function get<T>(path: string, bounds: Bounds, signal: AbortSignal): Promise<T> {
	const search = new URLSearchParams({ start: bounds.start, end: bounds.end });
	const response = await fetch(`${base}${path}?${search}`, { signal }).catch((cause) => {
		throw unreachable(cause);
	});
	const body: unknown = await response.json().catch(() => null);
	if (!response.ok || body === null) throw failureOf(body, response.status);
	return body as T;
}
