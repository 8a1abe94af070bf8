# SPDX-License-Identifier: BSD-2-Clause
"""What operators get besides the documentation, made from the tables of the programs: the generated parts of the
manual pages in man/, the completions of shells and the example of settings.toml. Used by gen_docs.py, which
writes the results or compares them with the files. The tables: src/cli/args_table.c for attl, the rows of
src/command/table*.inc for the server's commands, include/attl/*.h for the library, and what attld prints for
its settings."""
import os
import re
import subprocess

SEPARATE = re.compile(r'"((?:[^"\\]|\\.)*)"')


def c_text(source):
    """The C string literals of `source`, joined."""
    return "".join(SEPARATE.findall(source)).replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")


# ---- the tables ----

def tool_options(root):
    """[{name, letter, value, help}] of attl."""
    source = (root / "src/cli/args_table.c").read_text(encoding="utf-8")
    table = source[source.index("args_options[] = {"):source.index("args_option_count")]
    options = []
    for row in re.split(r"\{ (?=\.name = )", table)[1:]:
        fields = dict(re.findall(r'\.(name|value) = "([^"]*)"', row))
        letter = re.search(r"\.letter = '(.)'", row)
        options.append({"name": fields["name"], "value": fields.get("value"), "letter": letter and letter[1],
                        "help": c_text(row[row.index(".help"):])})
    return options


def tool_words(root):
    """[{word, usage, text}] of attl's own words."""
    source = (root / "src/cli/args_table.c").read_text(encoding="utf-8")
    table = source[source.index("modes[] = {"):source.index("MODE_WORDS = sizeof")]
    words = []
    for row in re.split(r"\{ (?=\.word = )", table)[1:]:
        word = re.search(r'\.word = "([^"]*)"', row)[1]
        usage, text = re.split(r"\.text =", row[row.index(".usage"):], maxsplit=1)
        words.append({"word": word, "usage": c_text(usage), "text": c_text(text)})
    return words


def server_commands(root):
    """{command: [its subcommands]}"""
    commands = {}
    for path in sorted((root / "src/command").glob("table*")):
        for name in re.findall(r'\.name = "([^"]+)"', path.read_text(encoding="utf-8")):
            command, _, sub = name.partition("|")
            commands.setdefault(command, [])
            if sub:
                commands[command].append(sub)
    return {name: sorted(set(subs)) for name, subs in sorted(commands.items())}


def settings(attld):
    """[(section, [{name, default, values, aliases, text}])] in the order of the table."""
    dump = subprocess.run([attld, "--dump-options"], check=True, timeout=10, stdout=subprocess.PIPE).stdout.decode()
    sections = []
    for line in dump.splitlines():
        if line.startswith("## "):
            sections.append((line[3:], []))
        row = re.match(r"\| `([a-z_.]+\.[a-z0-9_]+)` \| (.*)\|$", line)
        if not row or not sections:
            continue
        cells = [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row[2])]
        if len(cells) == 4:
            sections[-1][1].append({"name": row[1], "default": cells[0], "values": cells[1], "aliases": cells[2],
                                    "text": cells[3].replace("*", "").replace("`", "")})
    return [(name, rows) for name, rows in sections if rows]


def functions(root):
    """[(header, [(prototype, what it does in a sentence)])] of the library."""
    headers = []
    for path in sorted((root / "include/attl").glob("*.h")):
        if path.name == "attl_unstable.h":
            continue
        text = path.read_text(encoding="utf-8")
        found = []
        pattern = r"(?:/\*(?P<comment>(?:(?!\*/).)*)\*/\n)?ATTL_(?:API|CHECKED) (?P<proto>[^;{]*?\([^;]*\)[^;]*);"
        for row in re.finditer(pattern, text, re.DOTALL):
            prototype = re.sub(r"\s+", " ", row["proto"])
            if "#" in prototype:
                continue
            prototype = re.sub(r" (ATTL_[A-Z_]+|__attribute__)(\(.*)?$", "", prototype)
            comment = re.sub(r"\s*\n\s*\*?\s*", " ", row["comment"] or "").strip(" *")
            sentence = re.match(r".*?[.:](?= |$)", comment)
            found.append((prototype, sentence[0] if sentence else comment))
        if found:
            headers.append((path.name, found))
    return headers


# ---- manual pages ----

def roff_escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-").replace("()", "(\\&)")


def roff_guard(line):
    """A line that is no request, whatever it begins with."""
    return "\\&" + line if line[:1] in (".", "'") else line


def roff(text):
    """Text for a line of a manual page."""
    return roff_guard(roff_escape(text))


def prose(text):
    """Text as lines of a manual page: each sentence begins one (mandoc asks for it), none is long."""
    lines = []
    for sentence in re.split(r"(?<=[.!?]) +(?=[A-Z0-9`\"(])", " ".join(text.split())) if text else []:
        lines += [roff_guard(line) for line in wrapped(roff_escape(sentence), 78)]
    return lines


def item(head, body):
    return [".It " + head] + prose(body)


def man_tool_options(root):
    lines = [".Bl -tag -width Ds"]
    for option in tool_options(root):
        value = f" Ar {roff(option['value'])}" if option["value"] else ""
        short = f"Fl {option['letter']} , " if option["letter"] else ""
        lines += item(f"{short}Fl \\-{roff(option['name'])}{value}", option["help"])
    return lines + [".El"]


def man_tool_words(root):
    lines = []
    for word in tool_words(root):
        lines += [f".Ss attl {word['word']}", ".Bd -literal", roff(word["usage"]), ""]
        lines += [roff(line) for line in word["text"].rstrip("\n").split("\n")] + [".Ed"]
    return lines


def man_tool_synopsis(root):
    return [".Bd -literal"] + [roff(word["usage"]) for word in tool_words(root)] + [".Ed"]


def man_server_flags(attld):
    text = subprocess.run([attld, "--help"], check=True, timeout=10, stdout=subprocess.PIPE).stdout.decode()
    lines = [".Bl -tag -width Ds"]
    for flag, meaning in re.findall(r"^  (--\S+(?: FILE)?) {2,}(\S.*)$", text.split("\n\n")[1], re.MULTILINE):
        name, _, value = flag[2:].partition(" ")
        lines += item(f"Fl \\-{roff(name)}" + (f" Ar {value}" if value else ""), meaning)
    return lines + [".El"]


def man_server_commands(root):
    lines = []
    for name, subs in server_commands(root).items():
        text = name.upper() + (" " + " | ".join(sub.upper() for sub in subs) if subs else "")
        lines += [roff_guard(line) for line in wrapped(roff_escape(text), 78)] + [".br"]
    return lines[:-1]


def man_settings(attld):
    lines = []
    for section, rows in settings(attld):
        lines += [f".Ss [{roff(section)}]\\&", ".Bl -tag -width Ds"]
        for row in rows:
            lines += item(f"Cm {roff(row['name'])}", row["text"])
            lines += [".br"] + prose(f"Default: {row['default'] or 'empty'}; values: {row['values']}." +
                                     (f" Also {row['aliases']}.".replace("`", "") if row["aliases"] else ""))
        lines.append(".El")
    return lines


def man_functions(root):
    lines = []
    for header, rows in functions(root):
        lines += [f".Ss <attl/{header}>", ".Bl -tag -width Ds"]
        for prototype, sentence in rows:
            lines += item(f"Xo\n.Li \"{roff(prototype)}\"\n.Xc", sentence)
        lines.append(".El")
    return lines


def manual(page, text, parts):
    """`text` with what is between `.\\" begin NAME` and `.\\" end` made anew from parts[NAME]."""
    for name, lines in parts.items():
        block = re.compile(rf'(\.\\" begin {name}\b[^\n]*\n).*?(\.\\" end\n)', re.DOTALL)
        if not block.search(text):
            raise SystemExit(f"gen_docs: {page} has no part {name}")
        made = "".join(line + "\n" for line in lines)
        text = block.sub(lambda found, made=made: found[1] + made + found[2], text)
    return text.encode()


# ---- completions ----

FILE_OPERANDS = "load dump wal snapshot check audit"  # the tool's words that are followed by a path
FLAGS = ("check-config", "dump-options", "dump-metrics", "help", "version")  # of attld, without a value


def words_of(options):
    return " ".join(f"--{option['name']}" for option in options)


def verbs(root):
    """{word: [verbs]} of those of the tool's words that are followed by one."""
    found = {}
    for word in tool_words(root):
        verb = re.match(r"attl (?:\[OPTION\.\.\.\] )?[a-z]+ ([a-z]+(?:\|[a-z]+)+) ", word["usage"])
        if verb:
            found[word["word"]] = verb[1].split("|")
    return found


def second_words(root):
    """{first word: [what may follow it]}: verbs of the tool's words, subcommands of the server's commands."""
    own = verbs(root)
    taken = {word["word"] for word in tool_words(root)}
    return own | {name: subs for name, subs in server_commands(root).items() if subs and name not in taken}


def with_value(options):
    """The options, in both forms, that the next word belongs to."""
    return [f"--{o['name']}" for o in options if o["value"]] + [
        f"-{o['letter']}" for o in options if o["value"] and o["letter"]]


def choices(option):
    """[word] of an option whose value is one of a few, as in resp|json."""
    return option["value"].split("|") if option["value"] and "|" in option["value"] else []


def attld_flags(attld):
    names = ["config", *FLAGS]
    for _, rows in settings(attld):
        names += [row["name"] for row in rows]
    return names


def bash_completion(root, attld):
    options, words = tool_options(root), [word["word"] for word in tool_words(root)]
    commands = list(server_commands(root))
    valued = with_value(options)
    special = ["--cacert", "--cert", "--key", "--key-file", "--socket", "-s", "--format", "-f", "--host", "-h"]
    plain = "|".join(name for name in valued if name not in special)
    cases = "\n".join(f"            {name}) words='{' '.join(subs)}' ;;" for name, subs in second_words(root).items())
    return f"""# SPDX-License-Identifier: BSD-2-Clause
# bash completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.

_attl() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} words='' first='' i
    case $prev in
        --cacert|--cert|--key|--key-file|--socket|-s)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --format|-f) mapfile -t COMPREPLY < <(compgen -W 'resp json' -- "$cur"); return ;;
        --host|-h) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur"); return ;;
        {plain}) return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${{COMP_WORDS[i]}} in
            {"|".join(valued)}) i=$((i + 1)) ;;
            -*) ;;
            *) first=${{COMP_WORDS[i]}}; break ;;
        esac
    done
    if [[ $cur == -* ]]; then
        words='{words_of(options)}'
    elif [[ -z $first ]]; then
        words='{" ".join(words + commands)}'
    elif [[ $first == "$prev" ]]; then
        case ${{first,,}} in
            help) words='{" ".join(words + commands)}' ;;
{cases}
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${{cur,,}}")
    if [[ ${{#COMPREPLY[@]}} -eq 0 ]]; then
        case $first in
            {FILE_OPERANDS.replace(" ", "|")}) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        esac
    fi
}}
complete -F _attl attl

_attld() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    if [[ $prev == --config || $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W '{" ".join("--" + name for name in attld_flags(attld))}' -- "$cur")
}}
complete -F _attld attld
""".encode()


def zsh_quoted(text):
    return text.replace("'", "'\\''").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def zsh_action(option):
    if choices(option):
        return f"({' '.join(choices(option))})"
    return {"FILE": "_files", "PATH": "_files", "HOST": "_hosts"}.get(option["value"], "")


def zsh_completion(root, attld):
    specs = []
    for o in tool_options(root):
        names = [f"--{o['name']}"] + ([f"-{o['letter']}"] if o["letter"] else [])
        value = f":{zsh_quoted(o['value'].lower())}:{zsh_action(o)}" if o["value"] else ""
        specs += [f"        '{name}[{zsh_quoted(o['help'])}]{value}'" for name in names]
    firsts = [word["word"] for word in tool_words(root)] + list(server_commands(root))
    cases = "\n".join(f"        {name}) compadd -M 'm:{{A-Z}}={{a-z}}' -- {' '.join(subs)} ;;"
                      for name, subs in second_words(root).items())
    flags = "\n".join(f"        --{name}" for name in attld_flags(attld))
    return f"""#compdef attl attld
# SPDX-License-Identifier: BSD-2-Clause
# zsh completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.
# This file is the function _attl: nothing in it may define that name anew.

_attl_firsts() {{
    compadd -M 'm:{{A-Z}}={{a-z}}' -- {" ".join(firsts)}
}}

# What may follow the first word: a verb or subcommand right after it, then paths for the tool's own words.
_attl_rest() {{
    local first=${{words[1]:l}}
    if (( CURRENT == 2 )); then
        case $first in
        help) _attl_firsts ;;
{cases}
        esac
    fi
    case $first in
        {FILE_OPERANDS.replace(" ", "|")}) _files ;;
    esac
}}

_attl_tool() {{
    local -a options
    options=(
{chr(10).join(specs)}
    )
    _arguments -S $options '1:command:_attl_firsts' '*::argument:_attl_rest'
}}

_attl_server() {{
    local -a flags
    flags=(
{flags}
    )
    if [[ $words[CURRENT] == -* ]]; then
        compadd -- $flags
    else
        _files
    fi
}}

case $service in
    attld) _attl_server "$@" ;;
    *) _attl_tool "$@" ;;
esac
""".encode()


def fish_quoted(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")


def fish_completion(root, attld):
    options, words = tool_options(root), tool_words(root)
    lines = [f"""# SPDX-License-Identifier: BSD-2-Clause
# fish completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.

# The words before the cursor, without options and their values, in lower case.
function __attl_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l value no
    for token in $tokens
        if test $value = yes
            set value no
            continue
        end
        switch $token
            case {" ".join(with_value(options))}
                set value yes
            case '-*'
            case '*'
                string lower -- $token
        end
    end
end

# Whether these are all the words so far.
function __attl_after
    set -l words (__attl_words)
    test "$words" = "$argv"
end

# Whether the first word is one of these.
function __attl_begins
    set -l words (__attl_words)
    contains -- "$words[1]" $argv
end

complete -c attl -f"""]
    for o in options:
        short = f" -s {o['letter']}" if o["letter"] else ""
        value = " -r -F" if o["value"] in ("FILE", "PATH") else " -x" if o["value"] else ""
        offered = f" -a '{' '.join(choices(o))}'" if choices(o) else ""
        lines.append(f"complete -c attl -l {o['name']}{short}{value}{offered} -d '{fish_quoted(o['help'])}'")
    for word in words:
        clause = re.split(r"[.,:;] ", word["text"].replace("\n", " ") + " ", maxsplit=1)[0]
        lines.append(f"complete -c attl -n __attl_after -a {word['word']} -d '{fish_quoted(clause)}'")
    commands = " ".join(server_commands(root))
    own = " ".join(word["word"] for word in words)
    lines.append(f"complete -c attl -n __attl_after -a '{commands}'")
    lines.append(f"complete -c attl -n '__attl_after help' -a '{own} {commands}'")
    for name, subs in second_words(root).items():
        lines.append(f"complete -c attl -n '__attl_after {name}' -a '{' '.join(subs)}'")
    lines.append(f"complete -c attl -F -n '__attl_begins {FILE_OPERANDS}'")
    lines += ["", "complete -c attld -f"]
    for name in attld_flags(attld):
        value = " -r -F" if name == "config" else "" if name in FLAGS else " -x"
        lines.append(f"complete -c attld -l {name}{value}")
    return ("\n".join(lines) + "\n").encode()


# ---- /etc/attl/settings.toml ----

EXAMPLE = {  # what the packages set, and why
    "cache.max_memory": ('"1GiB"', "The packages' choice: without a limit the cache grows until the system ends it."),
    "server.dir": ('"/var/lib/attl"', "The packages' choice: the folder that the service may write to."),
}


def wrapped(text, width=96):
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
    return lines + [line]


def example_settings(attld):
    plain = subprocess.run([os.path.abspath(attld), "--check-config"], check=True, timeout=10, stdout=subprocess.PIPE,
                           env={"PATH": "/usr/bin:/bin"}, cwd="/").stdout.decode()
    values, section = {}, ""
    for line in plain.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        found = re.match(r"([a-z0-9_]+) = (.*?) +# \w", line)
        if found:
            values[f"{section}.{found[1]}"] = found[2]
    lines = ["# SPDX-License-Identifier: BSD-2-Clause",
             "# Settings of attld. Lines that begin with #: show the defaults. attl-settings.toml(5) explains",
             "# how settings are written and what overrides what; attld --config FILE --check-config tells",
             "# what is in force. Made by tools/gen_docs.py from the table of options."]
    for name, rows in settings(attld):
        lines += ["", f"[{name}]"]
        for row in rows:
            key = row["name"].partition(".")[2]
            if row["name"] not in values:
                continue
            lines += [""] + [f"# {line}" for line in wrapped(row["text"])]
            if row["name"] in EXAMPLE:
                value, why = EXAMPLE[row["name"]]
                lines += [f"# {line}" for line in wrapped(why)] + [f"{key} = {value}"]
            else:
                lines.append(f"#: {key} = {values[row['name']]}")
    return ("\n".join(lines) + "\n").encode()


def pages(root, attld):
    """{path: bytes} of everything made here."""
    parts = {
        "man/attl.1": {"synopsis": man_tool_synopsis(root), "options": man_tool_options(root),
                       "words": man_tool_words(root)},
        "man/attld.8": {"flags": man_server_flags(attld), "commands": man_server_commands(root)},
        "man/attl-settings.toml.5": {"settings": man_settings(attld)},
        "man/libattl.3": {"functions": man_functions(root)},
    }
    made = {page: manual(page, (root / page).read_text(encoding="utf-8"), what) for page, what in parts.items()}
    made["packaging/completions/attl.bash"] = bash_completion(root, attld)
    made["packaging/completions/_attl"] = zsh_completion(root, attld)
    made["packaging/completions/attl.fish"] = fish_completion(root, attld)
    made["packaging/etc/settings.toml"] = example_settings(attld)
    return made
