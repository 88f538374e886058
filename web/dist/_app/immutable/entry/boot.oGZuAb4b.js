const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_ragzca = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BUhEARlJ.js"), import("./app.dN2kiPVD.js")]);
kit.start(app, document.getElementById('app'));
