import type { ServiceMap } from './api';
import type { Layout } from './layout';

type Reply = { id: number; layout: Layout } | { id: number; fault: string };

/** The worker that lays out the map; one for as long as the map is shown. */
export class Layouter {
	private worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
	private asked = 0;

	/** The layout of a map. Only the newest question is answered; those before it never are. */
	layOut(map: ServiceMap): Promise<Layout> {
		this.asked += 1;
		const id = this.asked;
		return new Promise((resolve, reject) => {
			this.worker.onmessage = (event: MessageEvent<Reply>) => {
				if (event.data.id !== id) return;
				if ('layout' in event.data) resolve(event.data.layout);
				else reject(new Error(`The map could not be laid out: ${event.data.fault}`));
			};
			this.worker.onerror = () => reject(new Error('The map could not be laid out: its worker did not start.'));
			this.worker.postMessage({ id, map });
		});
	}

	stop() {
		this.worker.terminate();
	}
}
