import type { MapEdge, MapNode, ServiceMap } from './api';

/** Where the nodes and edges of the service map stand. */

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 48;

/** How many services the map draws; a greater one says what is left out. */
export const MAX_NODES = 200;

export interface Place {
	x: number;
	y: number;
}

/** How many pixels a pointer may tremble in a click; one that goes farther drags. */
const CLICK_SLACK = 3;

/** Whether a pointer that was pressed at one place and is at another drags. */
export function isDrag(from: Place, to: Place): boolean {
	return Math.hypot(to.x - from.x, to.y - from.y) > CLICK_SLACK;
}

export interface PlacedNode extends MapNode, Place {}

export interface PlacedEdge extends MapEdge {
	/** The corners of its line, from the client to the server. */
	points: Place[];
}

export interface Layout {
	width: number;
	height: number;
	nodes: PlacedNode[];
	edges: PlacedEdge[];
	/** How many services there are in all. */
	found: number;
}

/** What is drawn: the services with most spans, calls among them, and nothing to itself. */
export function drawable(map: ServiceMap): ServiceMap {
	const nodes = [...map.nodes].sort((a, b) => b.spans - a.spans).slice(0, MAX_NODES);
	const names = new Set(nodes.map((node) => node.name));
	const edges = map.edges.filter(
		(edge) => edge.client !== edge.server && names.has(edge.client) && names.has(edge.server)
	);
	return { nodes, edges };
}

/**
 * A smooth line through the points, level in each of them: lines leave a box at one side, come in at the other, and bend
 * between.
 */
export function pathOf(points: readonly Place[]): string {
	const [first, ...rest] = points;
	if (!first || rest.length === 0) return '';
	let path = `M${round(first)}`;
	let from = first;
	for (const to of rest) {
		const middle = (from.x + to.x) / 2;
		path += `C${round({ x: middle, y: from.y })} ${round({ x: middle, y: to.y })} ${round(to)}`;
		from = to;
	}
	return path;
}

/** The corners of a line between the sides of two boxes that face one another; its middle ones are kept. */
export function betweenSides(client: Place, server: Place, points: readonly Place[]): Place[] {
	const half = (server.x >= client.x ? 1 : -1) * (NODE_WIDTH / 2);
	return [{ x: client.x + half, y: client.y }, ...points.slice(1, -1), { x: server.x - half, y: server.y }];
}

function round({ x, y }: Place): string {
	return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
}

/** The width of an edge in pixels, by its calls: the logarithm, so that a rare call is seen beside a frequent one. */
export function edgeWidth(calls: number, most: number): number {
	if (most <= 1) return 2;
	return 1.5 + 4.5 * (Math.log(Math.max(1, calls)) / Math.log(most));
}

/** The node to go to from one, in the direction of an arrow key. */
export function nextNode(nodes: readonly PlacedNode[], from: PlacedNode, key: string): PlacedNode | null {
	const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
	if (!direction) return null;
	const [dx = 0, dy = 0] = direction;
	let best: PlacedNode | null = null;
	let nearest = Number.POSITIVE_INFINITY;
	for (const node of nodes) {
		const along = (node.x - from.x) * dx + (node.y - from.y) * dy;
		const aside = Math.abs((node.x - from.x) * dy) + Math.abs((node.y - from.y) * dx);
		// What lies much more aside than ahead is reached by the other keys.
		if (along < 1 || aside > along * 3) continue;
		const distance = along + aside * 2;
		if (distance < nearest) {
			nearest = distance;
			best = node;
		}
	}
	return best;
}
