import { Graph, layout } from '@dagrejs/dagre';
import type { ServiceMap } from './api';
import { betweenSides, drawable, type Layout, NODE_HEIGHT, NODE_WIDTH, type Place } from './layout';

/** Lays out the service map beside the page: two hundred services take about a second. */

function layOut(map: ServiceMap): Layout {
	const { nodes, edges } = drawable(map);
	const graph = new Graph();
	graph.setGraph({ rankdir: 'LR', nodesep: 28, ranksep: 136, edgesep: 16, marginx: 16, marginy: 16 });
	graph.setDefaultEdgeLabel(() => ({}));
	// In order of name: the same services stand in the same places after a refresh.
	for (const node of [...nodes].sort((a, b) => a.name.localeCompare(b.name, 'en'))) {
		graph.setNode(node.name, { width: NODE_WIDTH, height: NODE_HEIGHT });
	}
	for (const edge of [...edges].sort((a, b) =>
		`${a.client} ${a.server}`.localeCompare(`${b.client} ${b.server}`, 'en')
	)) {
		graph.setEdge(edge.client, edge.server);
	}
	layout(graph);
	const size = graph.graph() as { width?: number; height?: number };
	return {
		width: size.width ?? 0,
		height: size.height ?? 0,
		nodes: nodes.map((node) => {
			const { x, y } = graph.node(node.name) as Place;
			return { ...node, x, y };
		}),
		edges: edges.map((edge) => {
			const { points } = graph.edge(edge.client, edge.server) as { points: Place[] };
			const ends = [edge.client, edge.server].map((name) => graph.node(name) as Place) as [Place, Place];
			return { ...edge, points: betweenSides(...ends, points) };
		}),
		found: map.nodes.length
	};
}

self.onmessage = (event: MessageEvent<{ id: number; map: ServiceMap }>) => {
	const { id, map } = event.data;
	try {
		self.postMessage({ id, layout: layOut(map) });
	} catch (cause) {
		self.postMessage({ id, fault: cause instanceof Error ? cause.message : String(cause) });
	}
};
