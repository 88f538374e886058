const root = new URL('../../..', import.meta.url).pathname.replace(/\/$/, '');
globalThis.__sveltekit_vlu605 = { base: root, assets: root };
const [kit, app] = await Promise.all([import("./start.DPqT0dyQ.js"), import("./app.PwGDleBg.js")]);
kit.start(app, document.getElementById('app'));
