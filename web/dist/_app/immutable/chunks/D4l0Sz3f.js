<<<<<<<< HEAD:web/dist/_app/immutable/chunks/C9-eblmC.js
import"./xihTtKlq.js";import{o as e,s as t}from"./DGhmU0IG.js";import{c as n}from"./DVJ8-1wW.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=e(a,r),s={name:`plus`,size:24,node:[[`path`,{d:`M5 12h14`}],[`path`,{d:`M12 5v14`}]]};n(i,t(()=>o,{get icon(){return s}}))}export{i as t};
========
import"./xihTtKlq.js";import{o as e,s as t}from"./DGhmU0IG.js";import{c as n}from"./DjOvkdJ0.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=e(a,r),s={name:`plus`,size:24,node:[[`path`,{d:`M5 12h14`}],[`path`,{d:`M12 5v14`}]]};n(i,t(()=>o,{get icon(){return s}}))}export{i as t};
>>>>>>>> a8d8eb3 (Give each series, and each service, one colour everywhere):web/dist/_app/immutable/chunks/D4l0Sz3f.js
