"use strict";
// Draws every <figure data-plot="KIND"> with draw.KIND(data, choices) from the JSON within it,
// again at each choice.
(() => {
  const root = document.documentElement,
    form = document.querySelector("#controls form"),
    dark = matchMedia("(prefers-color-scheme: dark)");
  const common = JSON.parse(document.getElementById("common").textContent);
  const place = new Map(common.schedules.map((schedule, i) => [schedule.name, i]));
  const figures = [...document.querySelectorAll("figure[data-plot]")].map(figure => ({
    figure,
    plot: figure.querySelector(".plot"),
    data: JSON.parse(figure.querySelector("script").textContent),
  }));

  // -- choices and looks

  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  const checked = (from, name) => from.querySelector(`[name=${name}]:checked`)?.value;
  // plotly reads some HTML and TeX in its texts
  const plain = text =>
    text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/\$/g, "&#36;");
  const cut = (text, width) =>
    text.length <= width ? text : text.slice(0, width / 2 - 1) + "…" + text.slice(1 - width / 2);

  // in lines that fit; for each point of a trace, of which none has more than three
  const hoverLines = (row, c) =>
    Array(3).fill(
      row.words
        .replace(c.narrow ? /(.{1,34})(\s+|$)/g : /(.{1,70})(\s+|$)/g, "$1\n")
        .trim()
        .split("\n")
        .map(plain)
        .join("<br>"),
    );

  function choices(figure) {
    return {
      ticked: new Set([...form.querySelectorAll("[name=schedule]:checked")].map(box => +box.value)),
      log: checked(form, "y") === "log",
      tokens: checked(form, "x") === "tokens",
      steps: form.elements.steps && +form.elements.steps.value,
      peak: form.elements.peak?.value ?? "best",
      baseline: common.schedules[form.elements.baseline?.value || NaN]?.name,
      series: checked(figure, "series"),
      narrow: figure.clientWidth < 600,
    };
  }

  function look(name) {
    const { colour, dash, symbol } = common.schedules[place.get(name)];
    return {
      colour: css("--c-" + colour.slice(1).toLowerCase()) || colour,
      dash: dash
        ? dash
            .split(",")
            .map(n => n + "px")
            .join(",")
        : "solid",
      symbol,
    };
  }

  // -- kinds of plots: each returns {traces, layout, shown: the schedules of the legend}

  const draw = {
    curves(data, c) {
      const measured = (data.series[c.series] ?? Object.values(data.series)[0]).filter(
        line => wanted(line, c) && (c.peak === "best" ? line.best : line.peak === c.peak),
      );
      const base = data.differs && measured.find(line => line.schedule === c.baseline && line.y),
        all = base ? measured.map(line => lineMinus(line, base)).filter(line => line.y) : measured,
        log = c.log && !base;
      const lines = all.filter(line => ticked(line, c)),
        unit = c.tokens ? common.tokens : 1;
      const others = all
        .filter(line => !ticked(line, c) && line.y)
        .map(line => ({ x: steps(line.y).map(x => x * unit), y: line.y.y }));
      const traces = [grey(others)],
        range = limits(lines.length ? lines : all, base ? { ...data, around: 0 } : data, log);
      for (const line of lines.length <= 3 ? lines.filter(line => line.low) : [])
        traces.push(band(line, unit));
      for (const line of lines) {
        const { colour, dash, symbol } = look(line.schedule),
          short = plain(cut(line.label, 60));
        const at = c.tokens ? "%{x:,} tokens" : "step %{x:,}";
        const hovertemplate = `%{fullData.name}<br>${at}: %{y:.5~g}<extra></extra>`;
        if (line.y) {
          const x = steps(line.y).map(x => x * unit),
            few = x.length < 30;
          traces.push({
            x,
            y: line.y.y,
            name: short,
            mode: few ? "lines+markers" : "lines",
            line: { color: colour, dash, width: 2 },
            marker: { color: colour, symbol, size: 7 },
            hovertemplate,
          });
        }
        for (const seed of line.diverged) {
          const x = steps(seed).map(x => x * unit),
            end = { x: [seed.end * unit], y: [within(seed.y.at(-1), range, log)] };
          traces.push({
            x,
            y: seed.y,
            name: short + ", diverged",
            mode: "lines",
            line: { color: colour, dash, width: 1 },
            hovertemplate,
          });
          const step = seed.end.toLocaleString("en");
          const cross = { color: css("--ink"), symbol: "x-thin-open", size: 9, line: { width: 2 } };
          traces.push({
            ...end,
            name: short,
            mode: "markers",
            marker: cross,
            hovertemplate: `%{fullData.name}<br>diverged at step ${step}<extra></extra>`,
          });
        }
      }
      const layout = {
        yaxis: {
          title: { text: base ? minusWords(cut(base.label, c.narrow ? 20 : 40), c) : data.ytitle },
          type: log ? "log" : "linear",
          range,
          exponentformat: "power",
        },
      };
      const last = Math.max(1, ...all.map(line => line.steps)) * unit;
      layout.xaxis = {
        title: { text: c.tokens ? "tokens" : "step" },
        range: [0, last],
        tickformat: c.tokens ? "~s" : ",d",
      };
      if (data.level)
        layout.shapes = [
          {
            type: "line",
            x0: 0,
            x1: last,
            y0: data.level,
            y1: data.level,
            line: { color: css("--soft"), width: 1, dash: "dot" },
          },
        ];
      return { traces, layout, shown: lines.map(line => line.schedule) };
    },

    dots(data, c) {
      const base = data.rows.find(row => row.schedule === c.baseline && row.x !== null),
        rows = base ? data.rows.map(row => rowMinus(row, base, data.rows.indexOf(base))) : data.rows,
        edge = base ? data.edge - base.x : data.edge,
        known = rows
          .filter(row => row.x !== null && row.x <= edge)
          .flatMap(row => [row.x, row.low ?? row.x, row.high ?? row.x, row.hollow ?? row.x]);
      const low = Math.min(...known),
        high = Math.max(...known),
        beyond = row => row.x !== null && row.x > high;
      const pad = 0.04 * (high - low) || 0.01 * Math.abs(high) || 0.01;
      const traces = rows.map((row, i) => {
        const { colour, symbol } = ticked(row, c)
            ? look(row.schedule)
            : { ...look(row.schedule), colour: css("--other") },
          at = beyond(row) ? high : row.x;
        const error =
          row.low === null || row.low === row.high
            ? undefined
            : {
                type: "data",
                symmetric: false,
                array: [row.high - row.x],
                arrayminus: [row.x - row.low],
                color: colour,
                thickness: 2,
                width: 4,
              };
        return {
          x: [at],
          y: [i],
          name: plain(cut(row.label, 60)),
          hovertext: hoverLines(row, c),
          mode: "markers",
          error_x: beyond(row) ? undefined : error,
          marker: {
            color: row.average ? css("--paper") : colour,
            symbol: beyond(row) ? "triangle-right" : symbol,
            size: row.average ? 8 : 10,
            line: { color: colour, width: row.average ? 2 : 0 },
          },
          hovertemplate: "%{fullData.name}<br>%{hovertext}<extra></extra>",
        };
      });
      rows.forEach((row, i) => {
        if (row.hollow == null) return;
        const colour = ticked(row, c) ? look(row.schedule).colour : css("--other");
        traces.unshift({
          x: [row.x, row.hollow],
          y: [i, i],
          name: plain(cut(row.label, 60)),
          hovertext: hoverLines(row, c),
          mode: "lines+markers",
          line: { color: colour, width: 1 },
          marker: {
            color: ["rgba(0,0,0,0)", css("--paper")],
            size: [0, 9],
            line: { color: colour, width: 2 },
          },
          hovertemplate: "%{fullData.name}<br>%{hovertext}<extra></extra>",
        });
      });
      const layout = {
        xaxis: {
          title: { text: base ? minusWords(c.narrow ? base.narrow : base.wide, c) : data.xtitle },
          range: known.length ? [low - pad, high + pad] : [0, 1],
          zeroline: false,
        },
        ...rowAxis(rows, c, 24),
      };
      if (data.zero || base)
        layout.shapes = [
          {
            type: "line",
            x0: 0,
            x1: 0,
            y0: -0.5,
            y1: rows.length - 0.5,
            line: { color: css("--soft"), width: 1 },
          },
        ];
      return { traces, layout, shown: [] };
    },

    basins(data, c) {
      const all = data.lines.filter(line => wanted(line, c)),
        lines = all.filter(line => ticked(line, c)),
        y = axisLimits(
          (lines.length ? lines : all).map(line => [
            ...line.y,
            ...(line.seeds.length ? [Math.min(...line.seeds.map(seed => seed[1]))] : []),
          ]),
          c.log,
        );
      const traces = [grey(all.filter(line => !ticked(line, c)))];
      for (const line of lines) {
        const { colour, dash, symbol } = look(line.schedule),
          name = plain(cut(line.label, 60)),
          hovertemplate = "%{fullData.name}<br>peak lr %{x}: %{y:.4f}<extra></extra>";
        traces.push({
          x: line.seeds.map(seed => seed[0]),
          y: line.seeds.map(seed => seed[1]),
          name: name + ", a seed",
          mode: "markers",
          marker: { color: colour, symbol, size: 4, opacity: 0.6 },
          hovertemplate,
        });
        traces.push({
          x: line.x,
          y: line.y,
          name,
          mode: "lines+markers",
          line: { color: colour, dash, width: 2 },
          marker: { color: colour, symbol, size: 7 },
          hovertemplate,
        });
        const best = line.x.indexOf(line.best);
        if (best >= 0)
          traces.push({
            x: [line.best],
            y: [line.y[best]],
            mode: "markers",
            hoverinfo: "skip",
            marker: { color: css("--ink"), symbol: "circle-open", size: 15, line: { width: 1.5 } },
          });
        const top = y[1] - 0.04 * (y[1] - y[0]);
        if (line.incomplete.length)
          traces.push({
            x: line.incomplete,
            y: line.incomplete.map(() => (c.log ? 10 ** top : top)),
            name,
            mode: "markers",
            marker: { color: colour, symbol: "x", size: 9 },
            hovertemplate: "%{fullData.name}<br>peak lr %{x}: a seed diverged or failed<extra></extra>",
          });
      }
      const ends = [data.peaks[0][0], data.peaks.at(-1)[0]].map(Math.log10),
        pad = 0.05 * (ends[1] - ends[0]);
      const layout = {
        xaxis: {
          title: { text: "peak learning rate" },
          type: "log",
          range: [ends[0] - pad, ends[1] + pad],
          tickvals: data.peaks.map(peak => peak[0]),
          ticktext: data.peaks.map(peak => peak[1]),
        },
        yaxis: {
          title: { text: "final validation loss (nats per token)" },
          type: c.log ? "log" : "linear",
          range: y,
        },
      };
      return { traces, layout, shown: lines.map(line => line.schedule) };
    },

    plan(data, c) {
      const rows = data.rows,
        unit = c.tokens ? common.tokens : 1,
        traces = [],
        forks = { x: [], y: [] },
        drops = { x: [], y: [] },
        shared = { x: [], y: [] };
      rows.forEach((row, i) => {
        const colour = ticked(row, c) ? look(row.schedule).colour : css("--other");
        shared.x.push(0, row.start * unit, null);
        shared.y.push(i, i, null);
        const middle = (row.start + row.end) / 2;
        traces.push({
          x: [row.start, middle, row.end].map(x => x * unit),
          y: [i, i, i],
          name: plain(cut(row.label, 60)),
          hovertext: hoverLines(row, c),
          mode: "lines",
          line: { color: colour, width: 9 },
          hovertemplate: "%{fullData.name}<br>%{hovertext}<extra></extra>",
        });
        if (row.parent === null || row.parent >= rows.length) return;
        drops.x.push(row.start * unit, row.start * unit, null);
        drops.y.push(row.parent, i, null);
        forks.x.push(row.start * unit);
        forks.y.push(row.parent);
      });
      const quiet = { mode: "lines", hoverinfo: "skip", line: { color: css("--soft"), width: 1 } };
      traces.unshift(
        { ...shared, ...quiet, line: { ...quiet.line, dash: "1px,4px" } },
        { ...drops, ...quiet },
      );
      traces.push({
        ...forks,
        mode: "markers",
        hoverinfo: "skip",
        marker: { color: css("--paper"), size: 7, line: { color: css("--ink"), width: 1 } },
      });
      const last = Math.max(...rows.map(row => row.end)) * unit;
      traces.push({
        x: rows.map(row => row.end * unit),
        y: rows.map((_, i) => i),
        text: rows.map(row => " " + row.trained),
        mode: "text",
        textposition: "middle right",
        textfont: { size: 10 },
        cliponaxis: false,
        hoverinfo: "skip",
      });
      return {
        traces,
        layout: {
          xaxis: {
            title: { text: c.tokens ? "tokens" : "step" },
            range: [-0.01 * last, last],
            tickformat: c.tokens ? "~s" : ",d",
            zeroline: false,
          },
          margin: { r: 20 + 6 * Math.max(...rows.map(row => row.trained.length)) },
          ...rowAxis(rows, c, 20),
        },
        shown: [],
      };
    },
  };

  // -- what they share

  const ticked = (line, c) => c.ticked.has(place.get(line.schedule));
  const wanted = (line, c) => !c.steps || line.steps === c.steps;
  const steps = line => line.x ?? line.y.map((_, i) => line.start + i * line.every);

  // a line's losses minus the baseline's, where both have one and of the same seeds
  function lineMinus(line, base) {
    const its = new Map(steps(base.y).map((x, i) => [x, base.y.y[i]])),
      paired = line.y && line.seeds.join() === base.seeds.join();
    if (!paired) return { ...line, y: undefined };
    const points = steps(line.y)
      .map((x, i) => [x, line.y.y[i] - its.get(x)])
      .filter(point => !Number.isNaN(point[1]));
    const y = { x: points.map(point => point[0]), y: points.map(point => point[1]) };
    return { ...line, y, low: undefined, diverged: [] };
  }

  const minusWords = (label, c) => `loss − that of ${plain(label)}` + (c.narrow ? "" : " (nats per token)");

  // a row of dots measured from the baseline's
  function rowMinus(row, base, place) {
    const x = row.x === null ? null : row.x - base.x,
      [mean, low, high] = row === base ? [0, null, null] : (row.against?.[place] ?? [x, null, null]);
    const signed = number => (number < 0 ? "−" : "+") + Math.abs(number).toFixed(4),
      interval = low === null ? "" : ` (${signed(low)} to ${signed(high)})`,
      words =
        row === base ? "the baseline" : mean === null ? row.words : `${signed(mean)}${interval} to ${base.label}`;
    const hollow = row.hollow == null ? row.hollow : row.hollow - base.x;
    return { ...row, x: row.x === null ? null : mean, low, high, hollow, words };
  }

  function within(y, [low, high], log) {
    // where a cross is seen: at the edge if the line has left the axis
    const value = y === undefined ? high : log ? Math.log10(y) : y,
      edge = 0.03 * (high - low);
    const at = Math.min(Math.max(value, low + edge), high - edge);
    return log ? 10 ** at : at;
  }

  function grey(lines) {
    // one trace for all: much faster
    const x = [],
      y = [];
    for (const line of lines) {
      x.push(...line.x, null);
      y.push(...line.y, null);
    }
    return { x, y, mode: "lines", line: { color: css("--other"), width: 1 }, hoverinfo: "skip" };
  }

  function band(line, unit) {
    const x = steps(line.y).map(x => x * unit);
    return {
      x: [...x, ...x.toReversed()],
      y: [...line.high, ...line.low.toReversed()],
      fill: "toself",
      fillcolor: look(line.schedule).colour + "26",
      mode: "lines",
      line: { width: 0 },
      hoverinfo: "skip",
    };
  }

  function rowAxis(rows, c, height) {
    return {
      yaxis: {
        tickvals: rows.map((_, i) => i),
        ticktext: rows.map(row => plain(c.narrow ? row.narrow : row.wide) + " "),
        range: [rows.length - 0.4, -0.6],
        automargin: true,
        zeroline: false,
        showgrid: false,
      },
      height: 90 + height * Math.max(2, rows.length),
    };
  }

  const quantile = (values, part) => values.toSorted((a, b) => a - b)[Math.floor(part * values.length)];
  const median = values => quantile(values, 0.5);

  function outlierLimit(values) {
    // as in analysis/outliers.py
    const low = Math.min(...values);
    return low + Math.max(5 * (median(values) - low), 0.05 * low);
  }

  function limits(lines, data, log) {
    // of the settled part of the run, in which schedules differ
    const whole = lines.filter(line => line.y).map(line => line.y),
      runs = (whole.length ? whole : lines.flatMap(line => line.diverged)).filter(run => run.y.length);
    const late = runs.map(run => {
      const x = steps(run);
      return run.y.filter((_, i) => x[i] >= data.settles * Math.max(...x));
    });
    if (!late.length) return log ? [-1, 0] : [0, 1];
    if (data.around !== undefined)
      return ends(Math.min(data.around, ...late.flat()), Math.max(data.around, ...late.flat()), false);
    // the last steps before a divergence would leave the others no room
    if (!whole.length && !data.zero) return ends(Math.min(...late.flat()), quantile(late.flat(), 0.9), log);
    if (!data.zero)
      return axisLimits(
        late.flatMap(y => [y.at(-1), Math.min(...y), ...(data.tops ? [Math.max(...y)] : [])]),
        log,
        median(late.map(y => y[0])),
      );
    const top = Math.max(...late.flat()),
      low = Math.min(...late.flat().filter(y => y > 0));
    return log ? [Math.log10(Math.max(low / 1.1, top / 1e4)), Math.log10(top * 1.1)] : [0, top * 1.06];
  }

  function axisLimits(values, log, atLeast = -Infinity) {
    const all = values.flat();
    if (!all.length) return log ? [-1, 0] : [0, 1];
    const edge = outlierLimit(all),
      low = Math.min(...all),
      high = Math.max(atLeast, ...all.filter(y => y <= edge));
    return ends(low, high, log);
  }

  function ends(low, high, log) {
    const pad = 0.06 * (high - low) || 0.01 * Math.abs(low) || 0.01;
    return log
      ? [low - pad, high + pad].map(y => Math.log10(Math.max(y, low / 10)))
      : [low - pad, high + pad];
  }

  // -- the page

  function drawOne({ figure, plot, data }) {
    const c = choices(figure),
      { traces, layout, shown } = draw[figure.dataset.plot](data, c),
      ink = css("--ink"),
      line = css("--line"),
      touch = matchMedia("(pointer: coarse)").matches;
    const axis = {
      gridcolor: line,
      linecolor: css("--soft"),
      zerolinecolor: line,
      tickcolor: line,
      automargin: true,
    };
    const whole = {
      height: c.narrow ? 320 : 420,
      ...layout,
      xaxis: { ...axis, ...layout.xaxis },
      yaxis: { ...axis, ...layout.yaxis, title: { ...layout.yaxis.title, standoff: 8 } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 12, family: getComputedStyle(document.body).fontFamily },
      margin: { l: 60, r: 16, t: 16, b: 60, ...layout.margin },
      showlegend: false,
      hovermode: "closest",
      dragmode: touch ? false : "zoom",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: ink },
      hoverlabel: {
        bgcolor: css("--shade"),
        bordercolor: css("--soft"),
        font: { color: ink },
        align: "left",
      },
      uirevision: [c.log, c.tokens, c.steps, c.peak, c.series, c.baseline].join(),
    };
    if (root.classList.contains("printing")) whole.width = 680;
    // the buttons are named, since plotly has one by default that sends the data to a server
    Plotly.react(plot, traces, whole, {
      responsive: true,
      displayModeBar: touch ? false : "hover",
      displaylogo: false,
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
      plotlyServerURL: "",
    });
    figure.querySelector(".legend").replaceChildren(...[...new Set(shown)].map(legendItem));
  }

  function legendItem(name) {
    const item = document.createElement("li"),
      label = form.querySelector(`[name=schedule][value="${place.get(name)}"]`).closest("label");
    item.append(label.querySelector(".schedule").cloneNode(true));
    return item;
  }

  const drawAll = () => figures.forEach(drawOne);

  function tick(places) {
    form.querySelectorAll("[name=schedule]").forEach(box => {
      box.checked = places.split(" ").includes(box.value);
    });
    drawAll();
  }

  // headings become buttons: up, down, and as it was
  function sortable(table) {
    const body = table.tBodies[0],
      given = [...body.rows],
      headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const way = { ascending: "descending", descending: null }[heading.ariaSort] ?? null,
          next = heading.ariaSort ? way : "ascending";
        headings.forEach(other => other.removeAttribute("aria-sort"));
        if (next) heading.setAttribute("aria-sort", next);
        body.append(...(next ? sorted(given, i, next) : given));
      });
    });
  }

  // by the number that a cell begins with, else by its text; what has none comes last either way
  function sorted(rows, i, way) {
    const texts = rows.map(row => row.cells[i].textContent.trim()),
      numbers = texts.map(text => parseFloat(text.replace(/,/g, ""))),
      named = rows.some(row => row.cells[i].tagName === "TH") || numbers.every(Number.isNaN);
    const keys = named ? texts : numbers.map(number => (Number.isNaN(number) ? null : number)),
      compare = named ? (a, b) => a.localeCompare(b, "en", { numeric: true }) : (a, b) => a - b;
    return rows
      .map((row, at) => ({ row, key: keys[at] }))
      .sort((a, b) =>
        a.key === null || b.key === null
          ? (a.key === null) - (b.key === null)
          : (way === "ascending" ? 1 : -1) * compare(a.key, b.key),
      )
      .map(({ row }) => row);
  }

  function paper(on) {
    root.classList.toggle("printing", on);
    // plotly forgets the height with the paper's width, so all is drawn once more
    if (!on) figures.forEach(({ plot }) => Plotly.relayout(plot, { width: null, autosize: true }));
    drawAll();
  }

  root.classList.add("scripting");
  if (innerWidth <= 900) document.getElementById("controls").open = false;
  form.addEventListener("change", drawAll);
  form.addEventListener("click", event => event.target.dataset.tick !== undefined && tick(event.target.dataset.tick));
  figures.forEach(one => one.figure.querySelector("form")?.addEventListener("change", () => drawOne(one)));
  document.querySelectorAll("main table.sortable").forEach(sortable);
  dark.addEventListener("change", drawAll);
  addEventListener("beforeprint", () => paper(true));
  addEventListener("afterprint", () => paper(false));
  drawAll();
})();
