"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const labels = read("trial-labels");
  const ghosts = read("trial-ghosts");
  const svgName = "http://www.w3.org/2000/svg";
  const reach = 14; // pixels within which a point counts as hit
  const most = 1000; // rows shown at once
  let marked = null;

  // Colours: as the system, or as chosen. A page opened from a file may be unable to store the choice.
  const themes = ["auto", "light", "dark"];
  const themeButton = document.getElementById("theme");
  const keep = { get: () => { try { return localStorage.getItem("theme"); } catch { return null; } },
                 set: (name) => { try { localStorage.setItem("theme", name); } catch { /* not kept */ } } };
  const setTheme = (name) => {
    if (name === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    themeButton.textContent = `Colours: ${name}`;
    themeButton.setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system" : name}. Change`);
    keep.set(name);
  };
  setTheme(themes.includes(keep.get()) ? keep.get() : "auto");
  themeButton.addEventListener("click", () => {
    const now = document.documentElement.dataset.theme || "auto";
    setTheme(themes[(themes.indexOf(now) + 1) % themes.length]);
  });

  // Marking: one trial, in every figure and table.
  const markIn = (root) => {
    for (const found of root.querySelectorAll(".marked")) found.classList.remove("marked");
    for (const found of root.querySelectorAll("path.ghost")) found.remove();
    for (const found of root.querySelectorAll('.mark[aria-pressed="true"]')) found.setAttribute("aria-pressed", "false");
    if (marked === null) return;
    for (const found of root.querySelectorAll(`[data-trial="${marked}"]`)) {
      found.classList.add("marked");
      found.querySelector(".mark")?.setAttribute("aria-pressed", "true");
      if (found.localName === "use") found.parentNode.append(found);
    }
    for (const svg of root.querySelectorAll("svg[data-figure]")) {
      const line = ghosts[svg.dataset.figure]?.[marked];
      if (!line) continue;
      const path = document.createElementNS(svgName, "path");
      path.setAttribute("d", line);
      path.setAttribute("class", "ghost marked");
      svg.append(path);
    }
  };
  const mark = (trial) => {
    marked = trial === marked ? null : trial;
    markIn(document);
  };

  // The label of the point under the pointer, or chosen with the arrow keys.
  const tip = document.getElementById("tip");
  const showTip = (trial, x, y) => {
    tip.textContent = labels[trial] ?? "";
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${y + box.height + 24 > innerHeight ? y - box.height - 12 : y + 16}px`;
  };
  const hideTip = () => { tip.hidden = true; };

  const pointsOf = (svg) => {
    const points = [];
    for (const element of svg.querySelectorAll("[data-trial]")) {
      const trial = element.dataset.trial;
      if (element.localName === "use") {
        points.push({ element, trial, x: Number(element.getAttribute("x")), y: Number(element.getAttribute("y")) });
      } else {
        const numbers = (element.getAttribute("d") || "").match(/-?[\d.]+/g) || [];
        for (let place = 0; place + 1 < numbers.length; place += 2) {
          points.push({ element, trial, x: Number(numbers[place]), y: Number(numbers[place + 1]) });
        }
      }
    }
    return points;
  };

  for (const plot of document.querySelectorAll(".plot")) {
    const drawn = [...plot.querySelectorAll("svg")]; // for wide windows, and for phones
    const current = () => drawn.find((each) => each.getClientRects().length) ?? drawn[0];
    const points = new Map();
    let hovered = null;
    let place = -1;
    const known = () => {
      const svg = current();
      if (!points.has(svg)) points.set(svg, pointsOf(svg));
      return points.get(svg);
    };
    const hover = (point) => {
      hovered?.element.classList.remove("hovered");
      hovered = point;
      hovered?.element.classList.add("hovered");
    };
    const nearest = (event) => {
      const matrix = current().getScreenCTM();
      if (!matrix) return null;
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
      let best = null;
      let least = (reach / matrix.a) ** 2;
      for (const point of known()) {
        const distance = (point.x - at.x) ** 2 + (point.y - at.y) ** 2;
        if (distance <= least) { best = point; least = distance; }
      }
      return best;
    };
    plot.addEventListener("pointermove", (event) => {
      const point = nearest(event);
      hover(point);
      if (point) showTip(point.trial, event.clientX, event.clientY); else hideTip();
    });
    plot.addEventListener("pointerleave", () => { hover(null); hideTip(); });
    plot.addEventListener("click", (event) => {
      const point = nearest(event);
      if (point) mark(point.trial);
    });
    plot.addEventListener("blur", () => { hover(null); hideTip(); });
    plot.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
      if (event.key === "Escape") { hover(null); hideTip(); if (marked !== null) mark(marked); return; }
      if (event.key === "Enter" && hovered) { mark(hovered.trial); return; }
      if (!(event.key in steps)) return;
      const order = [...new Map(known().map((point) => [point.element, point])).values()].sort((one, two) => one.x - two.x);
      if (!order.length) return;
      event.preventDefault();
      place = (place + steps[event.key] + order.length) % order.length;
      const point = order[place];
      hover(point);
      const screen = new DOMPoint(point.x, point.y).matrixTransform(current().getScreenCTM());
      showTip(point.trial, screen.x, screen.y);
    });
  }

  // Tables: sorted by a column, those of trials filtered by words.
  const texts = (row) => [...row.cells].map((cell) => cell.textContent);
  const sorts = (row) => [...row.cells].map((cell) => {
    const value = cell.dataset.sort;
    return value === undefined ? null : Number.isNaN(Number(value)) ? value : Number(value);
  });
  const makeRow = (record, columns) => {
    const row = document.createElement("tr");
    record.texts.forEach((text, place) => {
      const cell = row.insertCell();
      if (columns[place].classList.contains("number")) cell.className = "number";
      if (place === 0 && record.trial !== null) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "mark";
        button.setAttribute("aria-pressed", "false");
        button.textContent = text;
        cell.append(button);
      } else cell.textContent = text;
    });
    if (record.trial !== null) row.dataset.trial = record.trial;
    return row;
  };
  const compare = (one, two) => {
    if (one === null || two === null) return (one === null) - (two === null);
    if (typeof one === "number" && typeof two === "number") return one - two;
    return String(one).localeCompare(String(two), "en", { numeric: true });
  };
  const key = (record, column) => record.sorts[column] ?? (record.texts[column] === "\u2013" ? null : record.texts[column]);

  for (const box of document.querySelectorAll(".table")) {
    const body = box.querySelector("tbody");
    const heads = [...box.querySelectorAll("th")];
    const input = box.querySelector("input");
    const output = box.querySelector("output");
    const records = [...body.rows].map((row) => (
      { row, trial: row.dataset.trial ?? null, texts: texts(row), sorts: sorts(row) }));
    const rest = box.querySelector("script.rows");
    if (rest) {
      for (const [trial, shown, values] of JSON.parse(rest.textContent)) {
        records.push({ row: null, trial: trial === null ? null : String(trial), texts: shown, sorts: values });
      }
    }
    let current = records;
    const show = () => {
      const words = (input?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
      const fits = (record) => {
        record.all ??= record.texts.join(" ").toLowerCase();
        return words.every((word) => record.all.includes(word));
      };
      const found = words.length ? current.filter(fits) : current;
      body.replaceChildren(...found.slice(0, most).map((record) => (record.row ??= makeRow(record, heads))));
      if (output) {
        const shown = found.length > most ? `, the first ${most} shown` : "";
        output.textContent = `${found.length} of ${records.length} trials${shown}`;
      }
      markIn(body);
    };
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const rising = head.getAttribute("aria-sort") !== "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", rising ? "ascending" : "descending");
        const sign = rising ? 1 : -1;
        current = [...records].sort((one, two) => {
          const [first, second] = [key(one, column), key(two, column)];
          const none = (first === null) - (second === null); // unknown values stay last in either order
          return none || sign * compare(first, second);
        });
        show();
      });
    });
    input?.addEventListener("input", show);
    body.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-trial]");
      if (row) mark(row.dataset.trial);
    });
    if (input) show();
  }

  // Where in the report the reader is.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "location");
    }
  }, { rootMargin: "-10% 0px -80% 0px" });
  for (const section of document.querySelectorAll("main > section")) watch.observe(section);
})();
