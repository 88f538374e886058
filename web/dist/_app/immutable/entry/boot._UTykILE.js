const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_9azn4n = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.C5lkco0D.js"), import("./app.CMdx-mu6.js")]);
kit.start(app, document.getElementById('app'));
