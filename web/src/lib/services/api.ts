import { answer, api, type Schema } from '$lib/api/client';

/** The calls about services that tell of one service and of who calls whom. */

export type ServiceDetails = Schema['ServiceDetailsDto'];
export type Operation = Schema['OperationDto'];
export type Neighbour = Schema['NeighbourDto'];
export type MapNode = Schema['ServiceNodeDto'];
export type MapEdge = Schema['ServiceEdgeDto'];
export type ServiceMap = Schema['ServiceMapDto'];

/** A range as the API takes it. */
interface Bounds {
	start: string;
	end: string;
}

export function fetchService(name: string, bounds: Bounds, signal: AbortSignal): Promise<ServiceDetails> {
	return answer(api.GET('/api/v1/services/{name}', { params: { path: { name }, query: bounds }, signal }));
}

export function fetchMap(bounds: Bounds, signal: AbortSignal): Promise<ServiceMap> {
	return answer(api.GET('/api/v1/service-map', { params: { query: bounds }, signal }));
}
