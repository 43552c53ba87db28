"use strict";
(() => {
  // The page of a running study asks for its version, and loads itself again once there is another one.
  const every = 3000; // milliseconds
  const most = 60000; // between two questions to a server that does not answer
  const version = document.querySelector('meta[name="sweeper-version"]').content;
  const note = document.getElementById("live");
  const address = `${location.pathname.replace(/\/$/, "")}/version`;
  const older = "This page is older than the study: there are newer results, and it is being made again with them.";
  const kept = `open:${location.pathname}`;
  let wait = every;

  // What the reader has opened stays open, and the browser keeps the place.
  const folds = () => [...document.querySelectorAll("details")];
  try {
    const open = JSON.parse(sessionStorage.getItem(kept) || "[]");
    folds().forEach((fold, place) => { if (open.includes(place)) fold.open = true; });
    sessionStorage.removeItem(kept);
  } catch { /* nothing was kept */ }
  const reload = () => {
    const open = folds().flatMap((fold, place) => (fold.open ? [place] : []));
    try { sessionStorage.setItem(kept, JSON.stringify(open)); } catch { /* not kept */ }
    location.reload();
  };

  const say = (text) => { if (note.textContent !== text) note.textContent = text; };
  const ask = async () => {
    if (document.visibilityState === "visible") {
      try {
        const answer = await fetch(address, { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.statusText);
        const found = await answer.json();
        wait = every;
        if (found.error) say(`This page is no longer up to date: ${found.error}`);
        else if (found.version && found.version !== version) return reload();
        else if (found.current === false) say(older);
        else say("Live: this page shows new results by itself.");
      } catch {
        wait = Math.min(most, 2 * wait);
        say("The server does not answer. This page is as it was last.");
      }
    }
    setTimeout(ask, wait);
  };
  document.addEventListener("visibilitychange", () => { wait = every; });
  setTimeout(ask, every);
})();
