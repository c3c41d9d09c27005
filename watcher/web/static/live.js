// Shows new events on the overview as checks see them. Without this file the page is as it was loaded.
"use strict";
(() => {
  const news = document.getElementById("news");
  let stream = null;
  let timer = 0;
  let isFirst = true;

  async function refresh() {
    const answer = await fetch("/");
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("news");
    if (fresh) news.replaceChildren(...fresh.childNodes);
  }

  // A hidden page keeps no connection: a browser has six for one server.
  function follow() {
    if (document.hidden && stream) {
      stream.close();
      stream = null;
    } else if (!document.hidden && !stream) {
      stream = new EventSource("/api/v1/stream");
      if (!isFirst) refresh();
      isFirst = false;
      stream.onmessage = () => {
        clearTimeout(timer);
        timer = setTimeout(refresh, 300);
      };
    }
  }

  document.addEventListener("visibilitychange", follow);
  follow();
})();
