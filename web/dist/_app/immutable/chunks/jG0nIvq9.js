<<<<<<<< HEAD:web/dist/_app/immutable/chunks/gr8cMx9E.js
import"./xihTtKlq.js";import{o as e,s as t}from"./DGhmU0IG.js";import{c as n}from"./DVJ8-1wW.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=e(a,r),s={name:`chevron-right`,size:24,node:[[`path`,{d:`m9 18 6-6-6-6`}]]};n(i,t(()=>o,{get icon(){return s}}))}export{i as t};
========
import"./xihTtKlq.js";import{o as e,s as t}from"./DGhmU0IG.js";import{c as n}from"./DjOvkdJ0.js";var r=new Set([`$$slots`,`$$events`,`$$legacy`]);function i(i,a){let o=e(a,r),s={name:`chevron-right`,size:24,node:[[`path`,{d:`m9 18 6-6-6-6`}]]};n(i,t(()=>o,{get icon(){return s}}))}export{i as t};
>>>>>>>> a8d8eb3 (Give each series, and each service, one colour everywhere):web/dist/_app/immutable/chunks/jG0nIvq9.js
