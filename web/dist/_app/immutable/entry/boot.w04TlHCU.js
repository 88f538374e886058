const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_za87l1 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.fY5NXahs.js"), import("./app.CBa6ulCl.js")]);
kit.start(app, document.getElementById('app'));
