//! Markup of messages: what is shown, what stays as typed, and that no text makes it slow, large or lossy.

use serde_json::{Value, json};

use super::browser::Browser;
use super::common::Server;

/// Reads the elements of a text as `tag(children)`, so that a table can say them.
const OUTLINE: &str = "(() => {
    const outline = (node) => [...node.childNodes].map((one) => one.nodeType === Node.TEXT_NODE ? one.data
        : `${one.localName}${one.getAttribute('value') ?? ''}(${outline(one)})`).join('');
    window.outline = (text) => outline(all.body(text));
    return true;
})()";

/// A text, and its elements.
const SHOWN: [(&str, &str); 35] = [
    ("hola", "hola"),
    ("**a** *b* _c_ __d__ ~~e~~", "strong(a) em(b) em(c) strong(d) s(e)"),
    ("***a*** *a **b** c*", "em(strong(a)) em(a strong(b) c)"),
    ("(*a*), \"_b_\" **¡Hola!**", "(em(a)), \"em(b)\" strong(¡Hola!)"),
    ("😀*a*😀 **日本**", "😀em(a)😀 strong(日本)"),
    // What belongs to a word, a sum or a name stays.
    ("2*3*4 2**3**4 snake_case_x archivo_final_2.txt", "2*3*4 2**3**4 snake_case_x archivo_final_2.txt"),
    ("a * b * c ** d ~ e ~~~f~~~", "a * b * c ** d ~ e ~~~f~~~"),
    // What is not closed stays, also at the end of the line.
    ("**sin cerrar *nada _aquí ~~x", "**sin cerrar *nada _aquí ~~x"),
    ("**a\nb**", "**a\nb**"),
    ("x * ** _ __ ~~ ` `` - > 1.", "x * ** _ __ ~~ ` `` - > 1."),
    ("- uno\n- dos\n* tres", "ul(li(uno)li(dos)li(tres))"),
    ("- a\n  - b\n    c\n- d", "ul(li(aul(li(b\nc)))li(d))"),
    ("- a\n    - b\n    - c\n1. d\n   e", "ul(li(aul(li(b)li(c))))ol(li1(d\ne))"),
    ("Lista:\n1. a\n2) b", "Lista:ol(li1(a)li2(b))"),
    ("7. siete\n3. tres\n\nfin", "ol(li7(siete)li3(tres))fin"),
    ("El\n15. de mayo", "El\n15. de mayo"),
    ("1990. Fue así", "1990. Fue así"),
    ("-5 grados\n- \n---\n* * *", "-5 grados\n- \n---\n* * *"),
    ("> cita\n> dos\nfuera", "blockquote(cita\ndos)fuera"),
    ("> > honda\n> otra", "blockquote(blockquote(honda)otra)"),
    ("> - a\n> - b\n> *c*", "blockquote(ul(li(a)li(b))em(c))"),
    ("> > > > a", "blockquote(blockquote(blockquote(> a)))"),
    (">_< >:( >\n> ", ">_< >:( >\n> "),
    ("`*a*` **`b`**", "code(*a*) strong(code(b))"),
    ("```js\n*a*\n```\n*b*", "pre(code(*a*))em(b)"),
    ("*a ```b``` c*", "*a pre(code(b)) c*"),
    ("a\n```\n> x\n```", "apre(code(> x))"),
    ("*http://a.co/b_c_d* _http://e.co_", "em(a(http://a.co/b_c_d)) em(a(http://e.co))"),
    // A link says its own address, whatever stands before it.
    ("[banco](http://malo.co/x)", "[banco](a(http://malo.co/x))"),
    ("![foto](http://a.co/b.png) <http://c.co>", "![foto](a(http://a.co/b.png)) <a(http://c.co)>"),
    ("<b>a</b> <img src=x onerror=alert(1)> &lt;", "<b>a</b> <img src=x onerror=alert(1)> &lt;"),
    ("# a\n## b\n| c | d |", "# a\n## b\n| c | d |"),
    ("a\n\n\nb ", "a\n\n\nb "),
    ("\\*a\\* C:\\dir_a_\\b", "\\*a\\* C:\\dir_a_\\b"),
    ("****a**** *_a_* _*a_*", "strong(strong(a)) em(em(a)) em(*a)*"),
];

impl Browser {
    /// Runs modules of the pages in one scope, in the order of their imports, and takes what `exported` names
    /// as `all`. The page itself has them as functions among others.
    pub(crate) async fn run_modules(&self, modules: &[&str], exported: &str) {
        let code: String = modules
            .iter()
            .flat_map(|module| module.lines())
            .filter(|line| !line.starts_with("import "))
            .map(|line| format!("{}\n", line.strip_prefix("export ").unwrap_or(line)))
            .collect();
        let code = code.replace("import.meta.url", "location.href");
        self.js(&format!("(() => {{ {code} window.all = {exported}; return true; }})()")).await;
    }
}

/// Opens a page and runs the scripts that draw messages.
async fn with_scripts() -> (Server, Browser) {
    let server = Server::demo();
    let ana = Browser::open(server.addr).await;
    ana.sign_in("cliente", "cliente123").await;
    let modules = [
        include_str!("../../assets/static/js/chat-text.js"),
        include_str!("../../assets/static/js/markdown.js"),
        include_str!("../../assets/static/js/dom.js"),
        include_str!("../../assets/static/js/chat-body.js"),
    ];
    ana.run_modules(&modules, "{ body, markdown, MAX_ELEMENTS }").await;
    (server, ana)
}

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn markup_is_shown_and_the_rest_stays_as_typed() {
    let (_server, ana) = with_scripts().await;
    ana.js(OUTLINE).await;
    let mut wrong = Vec::new();
    for (text, expected) in SHOWN {
        let shown = ana.js(&format!("outline({})", json!(text))).await;
        if shown != expected {
            wrong.push((text, expected, shown));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    ana.finish(&[]).await;
}

/// Draws texts of random markup and returns the first fault. What is shown must be the ranges that the tree
/// names, in order, and what lies between them must be marks.
const FUZZ: &str = r"((rounds, seed) => {
    let state = seed;
    const random = (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
    };
    const PIECES = ['*', '**', '_', '__', '~~', '~', '`', '```', '\n', ' ', '  ', '> ', '>', '- ', '* ', '1. ', '23) ', 'a', 'ñ', '😀', '4',
        '.', '(', ')', '@', 'http://a.co/', '[x](', '<b>', '\\', '\t', '\u0301', '\u200b', '```js\n'];
    const MARKS = /^(?:\n|[ \t]|\*|_|~~|`|```(?:[\w+#.-]{1,20}\n)?|>|- |\d{1,3}[.)] )*$/;
    const leaves = (nodes) => nodes.flatMap((node) => (node.children ? leaves(node.children) : [node]));
    const depth = (node) => 1 + Math.max(0, ...[...node.children].map(depth));
    for (let round = 0; round < rounds; round += 1) {
        let text = '';
        for (let left = 1 + random(round % 10 ? 40 : 1200); left > 0; left -= 1) text += PIECES[random(PIECES.length)];
        const fault = (what) => `${what}: ${JSON.stringify(text)}`;
        let at = 0;
        let shown = '';
        for (const { from, to } of leaves(all.markdown(text))) {
            if (from < at || to <= from) return fault('ranges are not in order');
            if (!MARKS.test(text.slice(at, from))) return fault(`lost ${text.slice(at, from)}`);
            shown += text.slice(from, to);
            at = to;
        }
        if (!MARKS.test(text.slice(at))) return fault(`lost ${text.slice(at)}`);
        const node = all.body(text);
        if (node.textContent !== shown) return fault('shows something else');
        if (node.querySelectorAll('*').length > 2 * all.MAX_ELEMENTS) return fault('has too many elements');
        if (depth(node) > 16) return fault('is too deep');
        for (const one of node.querySelectorAll('*')) {
            if (!['EM', 'STRONG', 'S', 'CODE', 'PRE', 'BLOCKQUOTE', 'UL', 'OL', 'LI', 'A'].includes(one.tagName)) return fault(one.tagName);
        }
    }
    return '';
})";

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn random_markup_loses_nothing_and_stays_bounded() {
    let (_server, ana) = with_scripts().await;
    for seed in [1, 1_957, 40_503] {
        assert_eq!(ana.js(&format!("{FUZZ}(1500, {seed})")).await, "", "seed {seed}");
    }
    ana.finish(&[]).await;
}

/// Repeated to 4,000 characters each.
const WORST: [&str; 24] = [
    "*",
    "_",
    "~",
    "`",
    ">",
    "> ",
    "- ",
    "1. ",
    "*a ",
    "a* ",
    "*a* ",
    "*_",
    "**a*b",
    "(*\"_",
    "``` ",
    "`a",
    "@",
    "> \n",
    "- a\n",
    "> a\n> > b\n",
    "http://a ",
    "http://((((",
    "**\"*\"***\"",
    "~~a ",
];

#[tokio::test]
#[ignore = "needs chromium and chromedriver; .ci/run installs them"]
async fn longest_markup_is_drawn_in_five_milliseconds() {
    let (_server, ana) = with_scripts().await;
    // The best of as many as it takes: other tests run beside this one.
    let time = "((text) => {
        let best = Infinity;
        for (let round = 0; best >= 5 && round < 400; round += 1) {
            const begin = performance.now();
            all.body(text);
            best = Math.min(best, performance.now() - begin);
        }
        return best;
    })";
    for piece in WORST {
        let text: String = piece.chars().cycle().take(4000).collect();
        let took = ana.js(&format!("{time}({})", json!(text))).await;
        let Value::Number(took) = took else { panic!("{took}") };
        assert!(took.as_f64().is_some_and(|ms| ms < 5.0), "{piece:?} took {took} ms");
    }
    ana.finish(&[]).await;
}
