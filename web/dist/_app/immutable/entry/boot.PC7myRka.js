const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_f2eif2 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.BS-weowq.js"), import("./app.BTKbt0Ud.js")]);
kit.start(app, document.getElementById('app'));
