import { answer, api, type Schema } from '$lib/api/client';
import type { Asked, Bounds } from '$lib/time/covered';

/** The calls about services: all of them, one, and who calls whom. Each answer says for which range it was asked. */

export type Services = Schema['ServicesDto'];
export type ServiceDetails = Schema['ServiceDetailsDto'];
export type Operation = Schema['OperationDto'];
export type Neighbour = Schema['NeighbourDto'];
export type MapNode = Schema['ServiceNodeDto'];
export type MapEdge = Schema['ServiceEdgeDto'];
export type ServiceMap = Schema['ServiceMapDto'];

export async function fetchServices(asked: Bounds, signal: AbortSignal): Promise<Services & Asked> {
	return { ...(await answer(api.GET('/api/v1/services', { params: { query: asked }, signal }))), asked };
}

export async function fetchService(name: string, asked: Bounds, signal: AbortSignal): Promise<ServiceDetails & Asked> {
	const params = { path: { name }, query: asked };
	return { ...(await answer(api.GET('/api/v1/services/{name}', { params, signal }))), asked };
}

export async function fetchMap(asked: Bounds, signal: AbortSignal): Promise<ServiceMap & Asked> {
	return { ...(await answer(api.GET('/api/v1/service-map', { params: { query: asked }, signal }))), asked };
}
