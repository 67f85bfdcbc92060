// The page's script: reads the form, asks /api/v1/runs, shows the answer. What a program printed is
// only ever text (textContent), with terminal codes removed.
"use strict";

const byId = (id) => document.getElementById(id);
const form = byId("form"), code = byId("code"), gutter = byId("gutter"), select = byId("language");
const runButton = byId("run"), cancelButton = byId("cancel"), statusLine = byId("status");

const languages = new Map();
let sample = code.defaultValue; // what stands in the editor as long as nobody has typed
let marks = new Map(); // line → the worst diagnostic of it
let running = null; // the AbortController of the run that is under way
let tabLeaves = false; // Escape was pressed: the next Tab goes on to the next field

// ---- text that comes from a program ----

const TERMINAL_CODES = new RegExp(
    "\\u001b\\[[0-?]*[ -/]*[@-~]" + // colours, cursor
    "|\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?" + // titles, links, strings
    "|\\u001b[ -/]*[0-~]", "g");
const OTHER_CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

function plain(text) {
    return text.replace(TERMINAL_CODES, "").replace(/\r\n?/g, "\n").replace(OTHER_CONTROLS, "\ufffd");
}

function streamText(stage, key) {
    if (!stage)
        return "";
    if (typeof stage[key] === "string")
        return plain(stage[key]);
    const coded = stage[key + "_base64"];
    if (typeof coded !== "string")
        return "";
    const bytes = Uint8Array.from(atob(coded), (c) => c.charCodeAt(0));
    return plain(new TextDecoder().decode(bytes));
}

// ---- the editor ----

function drawGutter() {
    const count = code.value.split("\n").length;
    while (gutter.childElementCount > count)
        gutter.lastChild.remove();
    while (gutter.childElementCount < count) {
        const line = document.createElement("div");
        line.textContent = gutter.childElementCount + 1;
        gutter.append(line);
    }
    gutter.scrollTop = code.scrollTop;
}

function drawMarks() {
    for (const [index, line] of Array.from(gutter.children).entries()) {
        const mark = marks.get(index + 1);
        line.className = mark ? mark.severity : "";
        line.title = mark ? mark.message : "";
    }
}

function clearMarks() {
    marks = new Map();
    drawMarks();
}

function goTo(line, column) {
    const lines = code.value.split("\n");
    const row = Math.min(line, lines.length) - 1;
    let start = 0;
    for (let i = 0; i < row; i++)
        start += lines[i].length + 1;
    const at = start + Math.min(Math.max((column || 1) - 1, 0), lines[row].length);
    code.focus();
    code.setSelectionRange(at, at);
    const height = code.scrollHeight / lines.length;
    code.scrollTop = Math.max(0, (row - 4) * height);
}

// Replaces the selection so that Undo still knows of it.
function insert(text) {
    if (!document.execCommand("insertText", false, text))
        code.setRangeText(text, code.selectionStart, code.selectionEnd, "end");
}

function indent(outwards) {
    const text = code.value, start = code.selectionStart, end = code.selectionEnd;
    if (start === end && !outwards) {
        const column = start - (text.lastIndexOf("\n", start - 1) + 1);
        insert(" ".repeat(4 - column % 4));
        return;
    }
    const first = text.lastIndexOf("\n", start - 1) + 1;
    const last = end > start && text[end - 1] === "\n" ? end - 1 : end;
    const lines = text.slice(first, last).split("\n");
    const changed = lines.map((line) =>
        outwards ? line.replace(/^( {1,4}|\t)/, "") : line && "    " + line).join("\n");
    if (changed === lines.join("\n"))
        return;
    code.setSelectionRange(first, last);
    insert(changed);
    if (start === end)
        code.setSelectionRange(Math.max(first, start + changed.length - (last - first)),
            Math.max(first, start + changed.length - (last - first)));
    else
        code.setSelectionRange(first, first + changed.length);
}

code.addEventListener("keydown", (event) => {
    const leaves = tabLeaves;
    tabLeaves = event.key === "Escape" || (leaves && event.key === "Shift");
    if (event.key !== "Tab" || leaves || event.ctrlKey || event.altKey || event.metaKey)
        return;
    event.preventDefault();
    indent(event.shiftKey);
});
code.addEventListener("blur", () => { tabLeaves = false; });
code.addEventListener("input", () => { drawGutter(); clearMarks(); });
code.addEventListener("scroll", () => { gutter.scrollTop = code.scrollTop; });
gutter.addEventListener("click", (event) => {
    const line = Array.prototype.indexOf.call(gutter.children, event.target) + 1;
    if (line > 0)
        goTo(line, marks.has(line) ? marks.get(line).column : 1);
});

// ---- the languages ----

function option(language) {
    const item = new Option(language.title, language.name);
    item.disabled = language.state !== "ready";
    if (item.disabled) {
        item.label = item.text = `${language.title} (${language.state})`;
        item.title = language.reason || "";
    }
    return item;
}

function showUnusable(list) {
    const box = byId("unusable");
    box.hidden = list.length === 0;
    box.querySelector("summary").textContent = list.length === 1
        ? "1 language cannot be used here" : `${list.length} languages cannot be used here`;
    box.querySelector("ul").replaceChildren(...list.map((language) => {
        const row = document.createElement("li");
        row.textContent = `${language.title}: ${language.reason || language.state}`;
        return row;
    }));
}

function setSample() {
    const language = languages.get(select.value);
    if (!language || code.value !== sample || !language.sample)
        return;
    code.value = sample = language.sample;
    // A textarea keeps its own idea of line ends.
    sample = code.value;
    drawGutter();
    clearMarks();
}

async function loadLanguages() {
    const answer = await fetch("api/v1/languages");
    if (!answer.ok)
        throw new Error(await problemText(answer));
    const list = (await answer.json()).languages;
    const chosen = select.value;
    for (const language of list)
        languages.set(language.name, language);
    select.replaceChildren(...list.map(option));
    showUnusable(list.filter((language) => language.state !== "ready"));
    const usable = (name) => languages.has(name) && languages.get(name).state === "ready";
    const first = list.find((language) => language.state === "ready");
    if (usable(chosen)) {
        select.value = chosen;
    } else if (first) {
        select.value = first.name;
        setSample();
    } else {
        setStatus("No language can be used here: no toolchain was found.", "bad");
    }
}

select.addEventListener("change", setSample);

// ---- a run ----

// Words, as a shell would cut them: quotes keep spaces, a backslash keeps what follows it.
function splitArguments(text) {
    const words = [];
    let word = null, quote = "";
    for (let i = 0; i < text.length; i++) {
        const c = text[i];
        if (c === "\\" && quote !== "'" && i + 1 < text.length)
            word = (word ?? "") + text[++i];
        else if (quote)
            c === quote ? quote = "" : word += c;
        else if (c === '"' || c === "'")
            [quote, word] = [c, word ?? ""];
        else if (!/\s/.test(c))
            word = (word ?? "") + c;
        else if (word !== null) {
            words.push(word);
            word = null;
        }
    }
    return word === null ? words : [...words, word];
}

function requestBody() {
    const language = languages.get(select.value);
    const file = { content: code.value };
    if (language)
        file.name = language.entry;
    return { language: select.value, files: [file], stdin: byId("stdin").value,
        args: splitArguments(byId("args").value) };
}

async function problemText(answer) {
    try {
        const problem = await answer.json();
        return problem.detail || problem.title || `The server answered ${answer.status}.`;
    } catch {
        return `The server answered ${answer.status}.`;
    }
}

function setStatus(text, kind, figures) {
    statusLine.className = kind || "";
    statusLine.textContent = text;
    if (!figures)
        return;
    const line = document.createElement("span");
    line.className = "figures";
    line.textContent = figures;
    statusLine.append(" ", line);
}

function clearResult() {
    byId("diagnostics").replaceChildren();
    byId("diagnostics").hidden = true;
    byId("compiler-part").hidden = byId("stderr-part").hidden = true;
    for (const id of ["compiler", "stdout", "stderr"])
        byId(id).textContent = "";
    clearMarks();
}

const VERDICTS = {
    ok: "Finished", compile_error: "Does not compile", runtime_error: "Ended with an error",
    signalled: "Ended by a signal", time_limit: "Time limit", memory_limit: "Memory limit",
    output_limit: "Output limit", process_limit: "Process limit", cancelled: "Cancelled",
    internal_error: "The server could not finish this run",
};

function verdictText(run) {
    const stage = run[run.stage || "run"] || run.run || run.compile || {};
    let text = VERDICTS[run.verdict] || run.verdict;
    if (run.verdict === "time_limit" && stage.limit)
        text += stage.limit === "cpu" ? " (CPU time)" : " (wall time)";
    if (run.verdict === "signalled" && stage.signal)
        text += ` (${stage.signal})`;
    if (run.stage === "compile" && run.verdict !== "compile_error")
        text += " in the compiler";
    if (run.run && run.run.exit_code !== null)
        text += ` · exit code ${run.run.exit_code}`;
    return text;
}

function figuresText(run) {
    const parts = [];
    if (run.run)
        parts.push(`ran ${run.run.wall_ms.toFixed(1)} ms`, `CPU ${run.run.cpu_ms.toFixed(1)} ms`,
            `${(run.run.peak_memory_bytes / 1048576).toFixed(1)} MiB`);
    if (run.compile)
        parts.push(`compiled ${run.compile.wall_ms.toFixed(1)} ms`);
    if (run.run && run.run.truncated)
        parts.push(`${run.run.truncated} bytes of output left out`);
    if (run.version)
        parts.push(run.version);
    if (run.limits_not_enforced.length)
        parts.push(`not limited on this host: ${run.limits_not_enforced.join(", ")}`);
    return parts.join(" · ");
}

function diagnosticRow(diagnostic, mine) {
    const row = document.createElement("li");
    const place = mine && diagnostic.line;
    const item = document.createElement(place ? "button" : "span");
    const where = diagnostic.line
        ? `${mine ? "line" : diagnostic.file} ${diagnostic.line}` +
            (diagnostic.column ? `:${diagnostic.column}` : "")
        : diagnostic.file;
    item.className = diagnostic.severity;
    item.textContent = plain(`${where}: ${diagnostic.severity}: ${diagnostic.message}`);
    if (place) {
        item.type = "button";
        item.addEventListener("click", () => goTo(diagnostic.line, diagnostic.column));
    }
    row.append(item);
    return row;
}

function showDiagnostics(list, entry) {
    const mine = (diagnostic) => !entry || diagnostic.file.split("/").pop() === entry;
    for (const diagnostic of list) {
        const worse = !marks.has(diagnostic.line) || diagnostic.severity === "error";
        if (mine(diagnostic) && diagnostic.line && worse && diagnostic.severity !== "note" &&
            marks.get(diagnostic.line)?.severity !== "error")
            marks.set(diagnostic.line, diagnostic);
    }
    drawMarks();
    const box = byId("diagnostics");
    box.replaceChildren(...list.map((diagnostic) => diagnosticRow(diagnostic, mine(diagnostic))));
    box.hidden = list.length === 0;
}

function showRun(run, entry) {
    const compiler = streamText(run.compile, "stdout") + streamText(run.compile, "stderr");
    const stderr = streamText(run.run, "stderr");
    byId("compiler").textContent = compiler;
    byId("compiler-part").hidden = compiler === "";
    byId("stdout").textContent = streamText(run.run, "stdout");
    byId("stderr").textContent = stderr;
    byId("stderr-part").hidden = stderr === "";
    showDiagnostics(run.compile ? run.compile.diagnostics : [], entry);
    setStatus(verdictText(run), run.verdict === "ok" ? "good" : "bad", figuresText(run));
}

async function run() {
    if (running)
        return;
    const body = requestBody();
    running = new AbortController();
    runButton.disabled = true;
    cancelButton.hidden = false;
    clearResult();
    setStatus("Running…");
    try {
        const answer = await fetch("api/v1/runs", { method: "POST", signal: running.signal,
            headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
        if (answer.ok)
            showRun(await answer.json(), body.files[0].name);
        else
            setStatus(await problemText(answer), "bad");
    } catch (error) {
        const left = error.name === "AbortError";
        setStatus(left ? "Cancelled." : `The server cannot be reached (${error.message}).`, "bad");
    } finally {
        const focused = document.activeElement === cancelButton;
        running = null;
        runButton.disabled = false;
        cancelButton.hidden = true;
        if (focused)
            runButton.focus();
    }
}

form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
});
form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey))
        return;
    event.preventDefault();
    run();
});
cancelButton.addEventListener("click", () => running && running.abort());

drawGutter();
loadLanguages().catch((error) => {
    setStatus(`The list of languages cannot be read: ${error.message}`, "bad");
});
