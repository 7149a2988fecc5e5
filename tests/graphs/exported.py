"""Documents that are run beside their exports, and what each is given."""

from __future__ import annotations

from typing import Any

from langgraph.types import Command

# Each shows some words of the language, on the functions of `tools_of_a_user` and the demo model.
DOCUMENTS: dict[str, tuple[str, list[Any]]] = {
    "a loop with a bound, and a condition on a setting": (
        """
        state: {text: last, tries: add}
        context:
          loud: {type: boolean, default: true, description: Whether to shout}
          limit: {type: integer, default: 9}
        nodes:
          shout: {python: "tools_of_a_user:shout", description: Says it loudly}
          whisper: {python: "tools_of_a_user:whisper"}
        edges:
          START: shout
          shout:
            - when: loud && tries < limit || text == ""
              to: whisper
              at_most: 3
            - when: size(text) > 100
              to: [whisper, END]
            - to: END
          whisper: shout
        """,
        [{"text": "So"}, {"text": "Again", "tries": 9}],
    ),
    "branches that join, options, a prompt without a model": (
        """
        state:
          topic: {type: string, default: tea}
          lines: {reducer: append, type: string}
          facts: merge
          text: last
        input: [topic]
        output: [lines, text]
        nodes:
          left: {prompt: {template: "{topic} on {{the}} left", output: lines}, retry: 2}
          right:
            prompt: {template: "{topic} on the right", output: lines}
            retry: {max_attempts: 2, initial_interval: 0.1, retry_on: [ValueError]}
          text: {prompt: {template: "{lines} of {facts}", output: text}, defer: true}
        edges: {START: [left, right], left & right: text, text: END}
        """,
        [{"topic": "rain"}, {}],
    ),
    "a router by cases that goes to nodes, interrupts around a node": (
        """
        state: {text: last, messages: messages}
        nodes:
          choose:
            router:
              cases:
                - {when: "text.startsWith('a')", choose: first}
                - {when: "text.matches('^b+$')", choose: second}
              default: END
          first: {python: "tools_of_a_user:shout", interrupt: before}
          second:
            prompt:
              template: [{human: "It is {text}."}, {ai: "Is it?"}, {placeholder: messages}]
              output: messages
        edges: {START: choose, first: END, second: END}
        """,
        [{"text": "ab"}, None, {"text": "bb"}, {"text": "c"}],
    ),
    "a router by a model, data in the form of a schema, a question to a person": (
        """
        state: {messages: messages, kind: last, data: last, name: last}
        nodes:
          choose:
            router:
              choices: {sum: It is about numbers, other: Anything else}
              output: kind
          extract:
            llm:
              prompt: Take out the numbers.
              schema:
                type: object
                properties: {numbers: {type: array, items: {type: integer}}}
                required: [numbers]
              output: data
          ask: {human: {ask: "Who asks for {kind}?", output: name}}
          say: {human: {ask: What else?}}
        edges: {START: choose, choose: extract, extract: ask, ask: say, say: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            *(Command(resume=said) for said in ["Ada", "Nothing."]),
        ],
    ),
    "an agent with tools, of which one waits for a person": (
        """
        state: {messages: messages, name: {type: string, default: Ada}}
        nodes:
          work:
            agent:
              prompt: You work for {name}.
              tools: [calculator, save_note]
              approve: [save_note]
              max_rounds: 4
        edges: {START: work, work: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            {"messages": [("human", "Remember that I owe Ada 5 euros.")]},
            Command(resume={"decisions": [{"type": "approve"}]}),
        ],
    ),
    "a database, other graphs with the same names and with others": (
        """
        state: {limit: last, rows: last, text: last, loud: last}
        nodes:
          ask: {sql: {query: "SELECT name FROM customers WHERE id < :limit ORDER BY id",
                      output: rows}}
          same: {subgraph: "graphs_of_a_user:graph"}
          other: {subgraph: {graph: "graphs_of_a_user:build", in: {text: loud}, out: {loud: text}}}
        edges: {START: ask, ask: same, same: other, other: END}
        """,
        [{"limit": 100, "text": "So", "loud": "And so"}],
    ),
    "times that nodes may take, and functions that name another state": (
        """
        state: {messages: messages, left: last, steps: add, log: append, text: last}
        nodes:
          step: {python: "tests.graphs.twins.count_down:step", timeout: 5}
          note: {python: "tests.graphs.twins.count_down:note"}
          say: {python: "tools_of_a_user:whisper", timeout: 5}
          ask: {llm: {prompt: Be brief., tools: [clock]}, timeout: 9}
          tools: {tools: [clock]}
        edges:
          START: step
          step: note
          note: say
          say: ask
          ask: [{when: size(messages.last().tool_calls) > 0, to: tools}, {to: END}]
          tools: ask
        """,
        [{"left": 3, "text": "So", "messages": [("human", "What is 2 times 3?")]}],
    ),
    "every way to ask": (
        """
        state:
          kind: {type: string}
          count: {type: integer, default: 2}
          messages: messages
          size: {schema: {type: object, required: [cm]}}
        nodes:
          measure: {human: {ask: How big?, output: size}}
          choose: {human: {ask: Which?, choose: {options: [Red, Blue]}, output: kind}}
          several: {human: {choose: {options: [One, Two], many: true}}}
          edit:
            human: {edit: count, ask: "How many {kind}?", expiry: {seconds: 60, answer: true}}
        edges: {START: measure, measure: choose, choose: several, several: edit, edit: END}
        """,
        [
            {"messages": []},
            *(Command(resume=said) for said in [{"inches": 3}, {"cm": 7}, "green", "2"]),
            *(Command(resume=said) for said in ["one, two", "many", "7"]),
        ],
    ),
    "a text for the person's side, another channel, a model's options": (
        """
        state: {language: {enum: [German, French], default: German}, said: last}
        nodes:
          greet:
            llm:
              prompt: Translate "good morning" into {language}
              model: [{temperature: 0, retry: 2}, {name: "openai:gpt-4o-mini", stop: [x]}]
              output: said
        edges: {START: greet, greet: END}
        """,
        [{}, {"language": "French"}],
    ),
    "prompts in full": (
        """
        state: {question: {type: string}, said: last, letter: last}
        nodes:
          ask:
            llm:
              prompt:
                messages:
                  - system: "{company} {{braces}} {question}"
                  - examples: [{input: "{2}+2", output: 4}]
                  - examples: [{q: a}]
                    example_prompt: [{ai: "Q {q}"}]
                  - human: {file: asked.md}
                partial_variables: {company: "AC{ME}", number: 7}
              output: said
          write: {prompt: {template: {file: asked.md}, output: letter}}
        edges: {START: ask, ask: write, write: END}
        """,
        [{"question": "What is 12 times 12?"}],
    ),
    "times in conditions": (
        """
        state: {text: last, due: {type: string}, tries: {type: integer, default: 0}}
        nodes:
          shout: {python: "tools_of_a_user:shout"}
          whisper: {python: "tools_of_a_user:whisper"}
        edges:
          START:
            - when: timestamp(due) - timestamp(tries) > duration("36h")
              to: shout
            - when: timestamp(due).getHours("Europe/Berlin") == 1
              to: whisper
            - to: END
          shout: END
          whisper: END
        """,
        [
            {"text": "So", "due": "1970-01-02T12:00:01Z"},
            {"text": "So", "due": "1970-01-01T00:30:00Z"},
            {"text": "So", "due": "1970-01-01T00:30:00-08:00", "tries": -60},
        ],
    ),
    "prompts in mustache": (
        """
        state:
          messages: messages
          name: {type: string, default: 'A & "b"'}
          items: append
          plan: {type: object}
          said: last
          letter: last
        context: {tone: {type: string, default: dry}}
        nodes:
          ask:
            llm:
              prompt:
                template_format: mustache
                partial_variables: {company: "A{{C}}", number: 7}
                messages:
                  - system: |
                      {{company}} no. {{number}} is {{tone}} on {{today}}. {{! unsaid }}
                      {{#items}} {{n}}={{#tags}}{{.}},{{/tags}}{{name}};{{/items}}{braces}
                      {{^plan}}No plan.{{/plan}}{{#plan}}{{goal}} {{plan.steps.0}}{{/plan}}
                  - examples: [{input: a & b, output: "{"}]
                  - examples: [{q: {deep: [a, b]}}]
                    example_prompt: [{ai: "Q {{{q}}} {{#q}}{{deep.1}}{{/q}}"}]
                  - human: "{{{name}}} {{name}} {{#messages}}[{{type}}: {{content}}]{{/messages}}"
              output: said
          write:
            prompt:
              template: {template_format: mustache, text: "{{said}} {{{messages}}} {{{items}}}"}
              output: letter
        edges: {START: ask, ask: write, write: END}
        """,
        [
            {"messages": [("human", "What is 12 times 12?")]},
            {
                "items": [{"n": 1, "tags": ["x", "y"]}, {"n": True, "tags": []}],
                "plan": {"goal": "<tea>", "steps": ["boil"]},
                "name": "{{plan}}",
            },
        ],
    ),
    "a time for sync functions of more than a state": (
        """
        state: {text: {type: string}, seen: append}
        nodes:
          note: {python: "graphs_of_a_user:note_it", timeout: 5}
          shout: {python: "graphs_of_a_user:shouting", timeout: 5}
          again:
            map: {over: seen, as: each, do: {python: "graphs_of_a_user:repeat", timeout: 5}}
        edges: {START: note, note: shout, shout: again, again: END}
        """,
        [{"text": "So"}, {"text": "And so"}],
    ),
    "what a map keeps and finds again": (
        """
        state: {names: append, found: append}
        nodes:
          keep:
            map:
              over: names
              as: name
              do: {memory: {write: {namespace: [names], key: "{name}", value: {name: "{name}"}}}}
          find:
            map:
              over: names
              as: name
              concurrency: 1
              do: {memory: {read: {namespace: [names], key: "{name}", output: found}}}
        edges: {START: keep, keep: find, find: END}
        """,
        [{"names": ["Ada"]}, {"names": ["Bo", "Cy"]}],
    ),
    "other documents, once with the same names and twice with others": (
        """
        state: {text: {type: string}, reply: {type: string}, topics: append, lines: append}
        context: {tone: {type: string, default: warm}, limit: {type: integer, default: 3}}
        nodes:
          write: {prompt: {template: "{text} {limit}", output: text}}
          first: {subgraph: parts/inner.yaml}
          second: {subgraph: {graph: ./parts/../parts/inner.yaml, in: {text: reply}, out: [reply]}}
          third: {subgraph: parts/deep.yaml}
          many:
            map:
              over: topics
              as: topic
              concurrency: 1
              do: {subgraph: {graph: parts/inner.yaml, in: {text: topic}, out: {lines: reply}}}
        edges: {START: write, write: first, first: second, second: third, third: many, many: END}
        """,
        [
            {"text": "rain"},
            *(Command(resume=said) for said in ["So", "and so", True]),
            {"text": "sun", "topics": ["tea"]},
            *(Command(resume=said) for said in [True] * 4),
        ],
    ),
    "names that are Python's own, or the module's": (
        """
        state:
          items: append
          str: last
          json: {type: object}
          said: last
          from: {type: string, default: me}
        context: {re: {type: integer, default: 2}}
        nodes:
          last: {prompt: {template: {template_format: mustache, text: "{{{json}}}"}, output: said}}
          json: {prompt: {template: "{items} {str}", output: said}}
          list: {prompt: {template: "{re} {from}", output: items}}
          re: {prompt: {template: "{today}", output: str}}
          today: {prompt: {template: "{today} {from}", output: str}}
          a b: {prompt: {template: "{json}", output: str}}
          a_b:
            router:
              cases: [{when: "items.last() == 'x' && str.matches('a')", choose: END}]
              default: state
          state: {map: {over: items, as: class, do: {prompt: {template: "{class}", output: items}}}}
        edges:
          START: [{when: "size(items) > 0 && items.last() == 'x' && re == 2", to: json}, {to: last}]
          last: list
          json: re
          list: today
          re: a b
          today: a b
          a b: a_b
          state: END
        """,
        [{"json": {"a": 1}, "str": "s"}, {"items": "x"}],
    ),
}
