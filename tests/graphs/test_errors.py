"""Broken documents: every mistake is found at once, named, located, and put right by a hint."""

# ruff: noqa: E501 (a table reads best with one row a line)

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import graphwright_graphs
from graphwright_graphs.nodes.kinds import BUILT_IN

GOOD = {
    "state": "{messages: messages}",
    "nodes": "{a: {llm: Hi}}",
    "edges": "{START: a, a: END}",
}


def broken(**parts: str) -> str:
    return "\n".join(f"{key}: {value}" for key, value in {**GOOD, **parts}.items())


def asking(when: str, **parts: str) -> str:
    return broken(edges=f'{{START: a, a: [{{when: "{when}", to: a}}, {{to: END}}]}}', **parts)


TABLE = [
    # what is broken, the document, the one problem it has
    ("an unknown word", broken(node="{}"), '4:1 node: found "node", expected one of description, state, context, input, output, nodes, edges, did you mean "nodes"?'),
    ("no nodes", broken(nodes=""), "2:7 nodes: found nothing, expected nodes, such as `assistant: {llm: …}`"),
    ("a list for edges", broken(edges="[a]"), "3:8 edges: found a list, expected edges, such as `START: assistant`"),
    ("a reducer's typo", broken(state="{messages: mesages}"), '1:19 state.messages: found "mesages", expected one of messages, append, last, add, merge, plan or `module:function`, did you mean "messages"?'),
    ("a reducer of three parts", broken(state="{messages: messages, n: 'a:b:c'}"), "last, add, merge or plan or `module:function`"),
    ("a type's typo", broken(state="{messages: messages, n: {type: sting}}"), '1:39 state.n.type: found "sting", expected one of any, boolean, integer, list, number, object or string, did you mean "string"?'),
    ("a reserved channel", broken(state="{messages: messages, today: last}"), '1:29 state.today: found "today", expected a name of letters, digits and _'),
    ("a type as a reducer", broken(state="{messages: messages, n: integer}"), '1:32 state.n: found "integer", expected one of messages, append, last, add, merge, plan or `module:function`, did you mean "{type: integer}"?'),
    ("Python's type as a reducer", broken(state="{messages: messages, n: 'list[str]'}"), 'did you mean "{type: list[string]}"?'),
    ("a list as a reducer", broken(state="{messages: messages, n: list}"), 'did you mean "{type: list}"?'),
    ("another word for a reducer", broken(state="{messages: messages, n: replace}"), 'did you mean "last"?'),
    ("Python's type", broken(state="{messages: messages, n: {type: dict}}"), 'did you mean "object"?'),
    ("TypeScript's list", broken(state="{messages: messages, n: {type: 'String[]'}}"), 'did you mean "list[string]"?'),
    ("a list of lists", broken(state="{messages: messages, n: {type: 'List[list[int]]'}}"), 'did you mean "list[list[integer]]"?'),
    ("a type that may be nothing", broken(state="{messages: messages, n: {type: 'int | None'}}"), 'did you mean "integer"?'),
    ("a type that there is not", broken(state="{messages: messages, n: {type: date}}"), "list, number, object or string"),
    ("a setting's type", broken(context="{n: str}"), '4:14 context.n: found "str", expected one of any, boolean, integer, list, number, object or string, did you mean "string"?'),
    ("a channel with a dash", broken(state="{messages: messages, my-text: last}", nodes="{a: {llm: {prompt: '{my-text}', output: my-text}}}"), '1:29 state.my-text: found "my-text", expected a name of letters, digits and _, did you mean "my_text"?'),
    ("a state that is none", broken(state="[messages]", nodes="{a: {llm: {prompt: '{x}', output: y}}}", input="[z]"), "1:8 state: found no channels, expected channels, such as `messages: messages`"),
    ("a state without blanks", broken(state="\n  messages:messages"), "found no channels, expected channels, such as `messages: messages`, write a blank after the colon"),
    ("a state by another name", broken().replace("state", "State"), '1:1 State: found "State", expected one of description, state, context, input, output, nodes, edges, did you mean "state"?'),
    ("edges by another name", broken().replace("edges", "edge"), '3:1 edge: found "edge"'),
    ("an unknown input", broken(input="[message]"), '4:9 input[0]: found "message", expected a channel (messages), did you mean "messages"?'),
    ("a kind's typo", broken(nodes="{a: {lm: Hi}}"), f'2:13 nodes.a.lm: found "lm", expected a kind of node ({", ".join(kind.word for kind in BUILT_IN)}), did you mean "llm"?'),
    ("a kind in capitals", broken(nodes="{a: {LLM: Hi}}"), 'did you mean "llm"?'),
    ("a kind under a key", broken(nodes="{a: {type: llm, prompt: Hi}}"), 'found "type", expected a kind of node'),
    ("a kind as a value", broken(nodes="{a: {kind: llm}}"), "memory), write `llm: …`"),
    ("a list as a value", broken(nodes="{a: {kind: [llm]}}"), 'found "kind"'),
    ("an option a level too high", broken(nodes="{a: {llm: Hi, model: demo}}"), "cache, interrupt, defer), write `llm: {prompt: …, model: …}`"),
    ("an option a level too high of a mapping", broken(nodes="{a: {llm: {prompt: Hi}, output: messages}}"), "write `llm: {output: …}`"),
    ("tools a level too high", broken(nodes="{a: {llm: Hi, tools: [clock]}}"), "2:9 nodes.a: found 2 kinds (llm, tools), expected one, write `llm: {prompt: …, tools: …}`"),
    ("an option a level too low", broken(nodes="{a: {llm: {prompt: Hi, retry: 3}}}"), '2:31 nodes.a.llm.retry: found "retry", expected one of prompt, messages, tools, model, output, schema, it belongs beside `llm`, not under it'),
    ("a variable without quotes", broken(nodes="{a: {llm: {messages}}}").replace("{messages}", "{text}"), 'write "{text}" for a text'),
    ("a comma without quotes", broken(nodes="{a: {llm: {prompt: Hi, you}}}"), 'found "you", expected one of prompt, messages, tools, model, output, schema, write a text in quotes'),
    ("dashes without blanks", broken(nodes="\n  a:\n    tools:\n      -clock\n      -calculator"), 'found "-clock -calculator", expected a list, write a blank after each dash'),
    ("a node without a blank", broken(nodes="\n  a:\n    llm:Hi"), "subgraph, map, agent, memory), write a blank after the colon"),
    ("two kinds", broken(nodes="{a: {llm: Hi, human: {ask: What}}}"), "2:9 nodes.a: found 2 kinds (llm, human), expected one"),
    ("an unknown option", broken(nodes="{a: {llm: {promt: Hi}}}"), '2:19 nodes.a.llm.promt: found "promt", expected one of prompt, messages, tools, model, output, schema, did you mean "prompt"?'),
    ("a wrong shape", broken(nodes="{a: {llm: {tools: clock}}}"), '2:26 nodes.a.llm.tools: found "clock", expected a list, write [clock]'),
    ("a prompt that is a number", broken(nodes="{a: {llm: {prompt: 3}}}"), "2:27 nodes.a.llm.prompt: found 3, expected text or a list or a mapping"),
    ("a turn's typo", broken(nodes="{a: {llm: {prompt: [{sytem: Hi}]}}}"), 'nodes.a.llm.prompt[0].sytem: found "sytem"'),
    ("a turn of another language", broken(nodes="{a: {llm: {prompt: [{user: Hi}]}}}"), 'found "user", expected one of system, human, ai, placeholder, examples, example_prompt, did you mean "human"?'),
    ("a system prompt of another language", broken(nodes="{a: {llm: {system: Hi}}}"), 'did you mean "prompt"?'),
    ("a full prompt of another language", broken(nodes="{a: {llm: {prompt: {system: Hi}}}}"), 'found "system", expected one of text, file, messages, template_format, partial_variables, did you mean "text"?'),
    ("a model's option beside it", broken(nodes="{a: {llm: {prompt: Hi, temperature: 0}}}"), "model, output, schema, write `model: {temperature: …}`"),
    ("an unknown variable", broken(nodes='{a: {llm: "Hi {mesages}"}}'), '2:18 nodes.a.llm: found "mesages", expected a channel (messages, today), did you mean "messages"?'),
    ("an attribute in a prompt", broken(nodes='{a: {llm: "Hi {messages.x}"}}'), "expected the name of a channel in braces, write {{ and }} for braces that are text"),
    ("an open brace", broken(nodes='{a: {llm: "Hi {"}}'), '2:18 nodes.a.llm: found a single "{", expected {channel}, write {{ and }} for braces that are text'),
    ("a brace of nothing", broken(nodes='{a: {llm: "Hi }"}}'), 'found a single "}", expected {channel}, write {{ and }} for braces that are text'),
    ("blanks in braces", broken(nodes='{a: {llm: "Hi { messages }"}}'), 'found "{ messages }", expected the name of a channel in braces, did you mean "{messages}"?'),
    ("the state in braces", broken(nodes='{a: {llm: "Hi {state.messages}"}}'), 'did you mean "{messages}"?'),
    ("JSON in a prompt", broken(nodes="""{a: {llm: 'Say {"a": 1}'}}"""), 'found "{"a": 1}", expected the name of a channel in braces, write {{ and }} for braces that are text'),
    ("an unknown tool", broken(nodes="{a: {llm: {tools: [calculater]}}}"), '2:27 nodes.a.llm.tools[0]: found "calculater", expected a tool ('),
    ("a tool that can't be imported", broken(nodes="{a: {llm: {tools: ['nowhere:x']}}}"), "which can't be imported (ModuleNotFoundError: No module named 'nowhere')"),
    ("a function that is not there", broken(nodes="{a: {python: 'tests.graphs.conftest:nowhere'}}"), '2:21 nodes.a.python: found "tests.graphs.conftest:nowhere", where there is no `nowhere`, expected a name that the module has'),
    ("a function's typo", broken(nodes="{a: {python: 'tests.graphs.functions:bothe'}}"), 'did you mean "both"?'),
    ("a dot for a colon", broken(nodes="{a: {python: tests.graphs.functions.both}}"), 'expected `module:attribute`, did you mean "tests.graphs.functions:both"?'),
    ("no function", broken(nodes="{a: {python: 'tests.graphs.conftest:TOOLS'}}"), '2:21 nodes.a.python: found "tests.graphs.conftest:TOOLS", no function, expected a function'),
    ("a function without the state", broken(nodes="{a: {python: 'tests.graphs.functions:nothing'}}"), '2:21 nodes.a.python: found "tests.graphs.functions:nothing", which does not take the state, expected a function of the state, which may take config, runtime, store, writer besides'),
    ("a function of two values", broken(nodes="{a: {python: 'tests.graphs.functions:both'}}"), 'found "tests.graphs.functions:both", which needs other as well, expected'),
    ("a function of a keyword", broken(nodes="{a: {python: 'tests.graphs.functions:keyword'}}"), "which needs other as well"),
    ("a method without its object", broken(nodes="{a: {python: 'tests.graphs.functions:Thing.method'}}"), "which needs state as well"),
    ("another's module", broken(nodes="{a: {python: 'os:system'}}"), '2:21 nodes.a.python: found "os:system", of the module os, which is not the project\'s own, expected a module in '),
    ("no import path", broken(nodes="{a: {python: shout}}"), '2:21 nodes.a.python: found "shout", expected `module:attribute`'),
    ("an unknown output", broken(nodes="{a: {llm: {prompt: Hi, output: anser}}}"), '2:39 nodes.a.llm.output: found "anser", expected a channel (messages)'),
    ("an unknown provider", broken(nodes="{a: {llm: {model: 'opnai:gpt-4o'}}}"), '2:26 nodes.a.llm.model: found "opnai:gpt-4o", expected `provider:model` of a known provider (anthropic, '),
    ("a provider's typo", broken(nodes="{a: {agent: {model: {name: 'Local:x.gguf'}}}}"), 'xai), did you mean "local:x.gguf"?'),
    ("a maker's name for its provider", broken(nodes="{a: {llm: {model: 'gemini:x'}}}"), 'did you mean "google_genai:x"?'),
    ("a second model's typo", broken(nodes="{a: {llm: {model: [demo, 'antropic:x']}}}"), '2:33 nodes.a.llm.model[1]: found "antropic:x"'),
    ("a model without a provider", broken(nodes="{a: {llm: {model: gpt-4o}}}"), 'such as openai:gpt-4o-mini, did you mean "openai:gpt-4o"?'),
    ("a model after a slash", broken(nodes="{a: {llm: {model: anthropic/x}}}"), 'such as openai:gpt-4o-mini, did you mean "anthropic:x"?'),
    ("a schema without output", broken(nodes="{a: {llm: {schema: {type: object}}}}"), "nodes.a.llm: found `schema` without `output`, expected the channel that the data goes to"),
    ("a schema that is none", broken(state="{messages: messages, x: last}", nodes="{a: {llm: {output: x, schema: {type: objekt}}}}"), 'nodes.a.llm.schema.type: found "objekt", expected one of array, boolean, integer, null, number, object, string, did you mean "object"?'),
    ("Python's type in a schema", broken(state="{messages: messages, x: {schema: {type: object, properties: {a: {type: list}}}}}"), '1:79 state.x.schema.properties.a.type: found "list", expected one of array, boolean, integer, null, number, object, string, did you mean "array"?'),
    ("a list in a schema", broken(state="{messages: messages, x: {schema: {properties: [a]}}}"), "state.x.schema.properties: found a list, expected a mapping"),
    ("a schema of a list", broken(state="{messages: messages, x: last}", nodes="{a: {llm: {output: x, schema: {type: array}}}}"), '2:45 nodes.a.llm.schema.type: found "array", expected object, which models answer with, write {type: object, properties: {…}}'),
    ("a conversation that is none", broken(state="{messages: messages, x: last}", nodes="{a: {llm: {messages: x}}}"), '2:29 nodes.a.llm.messages: found "x", expected a channel whose reducer is `messages`, this graph has messages'),
    ("an approval of another's tool", broken(nodes="{a: {agent: {tools: [clock], approve: [clok]}}}"), "expected one of this agent's tools (clock), did you mean \"clock\"?"),
    ("a human without use", broken(nodes="{a: {human: {}}}"), "nodes.a.human: found an empty mapping, expected either `approve` with a list of tools, `ask` with a question, `edit` with a channel, or `choose` with options"),
    ("a planner without plan", broken(nodes="{a: {planner: }}"), 'nodes.a.planner: found "plan", expected a channel (messages)'),
    ("a planner with another channel", broken(nodes="{a: {planner: {plan: messages}}}"), '1:19 state.messages: found a channel whose reducer is `messages`, expected `messages: plan`'),
    ("an expiry of nothing", broken(nodes="{a: {planner: {expiry: {seconds: 1, answer: yes}}}}", state="{messages: messages, plan: plan}"), "nodes.a.planner: found a mapping, expected `approve: true` beside `expiry`"),
    ("a planner's part with a typo", broken(nodes="{a: {planner: {executor: {promt: Hi}}}}", state="{messages: messages, plan: plan}"), 'nodes.a.planner.executor.promt: found "promt"'),
    ("a number out of range", broken(nodes="{a: {planner: {max_steps: 0, plan: messages}}}"), "found 0, expected greater than or equal to 1"),
    ("no conversation", broken(state="{text: last}"), "found none, expected a channel whose reducer is `messages`"),
    ("a line of a block", broken(nodes="\n  a:\n    llm: |\n      {messages} {{mesages}}\n\n        {mesages}"), '7:9 nodes.a.llm: found "mesages"'),
    ("the second of a kind", broken(nodes="\n  a:\n    llm: |\n      mesages {messages} {messages}\n      {messages} {"), '6:18 nodes.a.llm: found a single "{"'),
    ("a line of folded text", broken(nodes="\n  a:\n    llm:\n      prompt: >-\n        Hi\n        there\n\n        {mesages}"), '9:9 nodes.a.llm.prompt: found "mesages"'),
    ("a line of quoted text", broken(nodes='\n  a:\n    llm: "Hi\n      there {mesages}"'), '5:13 nodes.a.llm: found "mesages"'),
    ("a line of mustache", broken(nodes='\n  a:\n    llm:\n      prompt:\n        template_format: mustache\n        text: |\n          Hi\n          {{mesages}}'), '9:13 nodes.a.llm.prompt.text: found "mesages"'),
    ("a line of SQL", broken(state="{messages: messages, n: last}", nodes="\n  a:\n    sql:\n      output: n\n      query: |\n        SELECT 'm' FROM m\n        WHERE m = :m"), '8:19 nodes.a.sql.query: found "m"'),
    ("a line of a condition", broken(edges="\n  START: a\n  a:\n    - when: >-\n        size(messages) > 0 &&\n        size(mesages) > 1\n      to: a\n    - to: END"), '8:14 edges.a[0].when: found "mesages"'),
    ("syntax in a line of a condition", broken(edges="\n  START: a\n  a:\n    - when: >-\n        size(messages) > 0 &&\n        size(messages) >\n      to: a\n    - to: END"), '8:24 edges.a[0].when: found "size(messages) > 0 && size(messages) >", which can\'t be read at ">"'),
    ("a condition of several lines", broken(edges="\n  START: a\n  a:\n    - when: |\n        size(messages) > 0\n      to: a\n    - to: END"), 'found "size(messages) > 0", expected one line of at most 2000 characters, write `>-` for one line out of several'),
    ("no START", broken(edges="{a: END}"), "3:1 edges: found no `START`, expected one, the first node is named by `START: …`"),
    ("an unknown target", broken(edges="{START: a, a: EMD}"), '3:22 edges.a: found "EMD", expected a node or END, did you mean "END"?'),
    ("an unknown source", broken(edges="{START: a, a: END, b: END}"), '3:27 edges.b: found "b", expected START or a node'),
    ("a start in other letters", broken(edges="{start: a, a: END}"), '3:9 edges.start: found "start", expected START or a node, did you mean "START"?'),
    ("LangGraph's start", broken(edges="{__start__: a, a: END}"), 'did you mean "START"?'),
    ("LangGraph's end", broken(edges="{START: a, a: __end__}"), 'did you mean "END"?'),
    ("a node in capitals", broken(edges="{START: A, a: END}"), '3:16 edges.START: found "A", expected a node or END, did you mean "a"?'),
    ("if for when", broken(edges="{START: a, a: [{if: 'true', to: a}, {to: END}]}"), '3:24 edges.a[0].if: found "if", expected one of when, to, at_most, did you mean "when"?'),
    ("then for to", broken(edges="{START: a, a: [{when: 'true', then: a}, {to: END}]}"), 'found "then", expected one of when, to, at_most, did you mean "to"?'),
    ("else for the last branch", broken(edges="{START: a, a: [{when: 'true', to: a}, {else: END}]}"), 'found "else", expected one of when, to, at_most, write `- to: END` as the last branch'),
    ("a node for the last branch", broken(edges="{START: a, a: [{when: 'true', to: a}, END]}"), '3:46 edges.a[1]: found "END", expected a branch: `when` and `to`, write `to: END`'),
    ("one branch alone", broken(edges="{START: a, a: {when: 'true', to: a}}"), "3:22 edges.a: found a mapping, expected the name of a node, or END, branches are a list: write `- ` before each"),
    ("a number as a target", broken(edges="{START: a, a: 3}"), "3:22 edges.a: found 3, expected the name of a node, or END"),
    ("a branch's typo", broken(edges="{START: a, a: [{wen: 'true', to: a}, {to: END}]}"), '3:24 edges.a[0].wen: found "wen", expected one of when, to, at_most, did you mean "when"?'),
    ("no default branch", broken(edges="{START: a, a: [{when: 'true', to: END}]}"), "expected a last branch without `when`, for when no other is taken"),
    ("a branch after the default", broken(edges="{START: a, a: [{to: a}, {to: END}]}"), "expected `when`, since no later branch would ever be taken"),
    ("a condition's syntax", broken(edges="{START: a, a: [{when: size(, to: a}, {to: END}]}"), 'edges.a[0].when: found "size(", which can\'t be read at "size(", expected a CEL expression, there are 1 `(` and 0 `)`'),
    ("one sign of equality", asking("messages = 3"), 'found "messages = 3", which can\'t be read at "=", expected a CEL expression, compare with `==`'),
    ("a word for a sign", asking("size(messages) > 0 and true"), 'which can\'t be read at "and", expected a CEL expression, write `&&`'),
    ("a word in a text", asking("messages == 'a and b' or true"), 'which can\'t be read at "or", expected a CEL expression, write `||`'),
    ("a condition's open quote", asking("messages == 'a"), "end each text with the quote that it begins with"),
    ("a name in braces", asking("{messages} == null"), "write names without braces"),
    ("a turned sign", asking("size(messages) => 3"), "compare with `>=` and `<=`"),
    ("another language's function", asking("len(messages) > 3"), '3:30 edges.a[0].when: found "len", expected a channel (messages) or a function of CEL, did you mean "size"?'),
    ("another language's word", asking("messages == None"), 'did you mean "null"?'),
    ("a function with too much", asking("size(messages, 3) > 0"), 'found "size", which CEL has otherwise'),
    ("a function without a call", asking("messages.last.content == ''"), 'found ".last" of what has none, expected a value with fields; a list has `.size()` and `.last()`, did you mean ".last()"?'),
    ("a list's length", asking("messages.length > 3"), 'did you mean ".size()"?'),
    ("kinds that do not go together", asking("messages + 1 == messages"), 'found "+" of list(dyn), int, expected values that CEL has it for'),
    ("no condition", asking(""), "found an empty text, expected a CEL expression"),
    ("a condition's channel", broken(edges="{START: a, a: [{when: size(mesages) > 0, to: a}, {to: END}]}"), 'found "mesages", expected a channel (messages) or a function of CEL, did you mean "messages"?'),
    ("a condition's type", broken(edges="{START: a, a: [{when: size(messages), to: a}, {to: END}]}"), "edges.a[0].when: found an expression that gives int, expected true or false, compare it, such as with `> 0`"),
    ("a field that is not true or false", asking("messages.last().tool_calls"), '3:30 edges.a[0].when: found "tool_calls" of a message, expected true or false, ask `size(…) > 0`'),
    ("a field in a condition", asking("!messages[0].tool_calls || size(messages) > 3"), 'found "tool_calls" of a message, expected true or false'),
    ("a message that is not true or false", asking("messages.last()"), "found a message, expected true or false"),
    ("a field that is no number", asking("messages.last().tool_calls > 0"), 'found "tool_calls" of a message, expected a number, compare its `size(…)`'),
    ("a map over a number", broken(state="{messages: messages, n: {type: list}}", nodes="{a: {map: {over: size(n), do: {llm: Hi}}}}"), "nodes.a.map.over: found an expression that gives int, expected list"),
    ("an empty label", broken(nodes="{a: {memory: {delete: {namespace: [x, ' '], key: k}}}}"), '2:46 nodes.a.memory.delete.namespace[1]: found " ", expected a label that is not empty'),
    ("a condition that is no text", broken(edges="{START: a, a: [{when: 3, to: a}, {to: END}]}"), "found 3, expected a CEL expression as text"),
    ("a message's field", asking("size(messages.last().tool_call) > 0"), '3:30 edges.a[0].when: found "tool_call", expected a field of a message (type, content, name, id, tool_calls, status), did you mean "tool_calls"?'),
    ("any message's field", asking("messages.exists(m, m.role == 'ai')"), 'found "role", expected a field of a message (type, content, name, id, tool_calls, status), did you mean "type"?'),
    ("a chosen message's field", asking("messages.filter(m, m.type == 'ai')[0].text != ''"), 'did you mean "content"?'),
    ("an index from the end", asking("messages[-1].content == ''"), 'edges.a[0].when: found "-1" as an index, expected one from 0 on, from the end it is `messages.last()`'),
    ("the last but one", asking("messages[-2].content == ''"), "from the end it is `messages[size(messages) - 2]`"),
    ("an unreachable node", broken(nodes="{a: {llm: Hi}, b: {llm: Hi}}", edges="{START: a, a: END, b: END}"), '2:23 nodes.b: found "b", which nothing leads to, expected an edge that leads to it'),
    ("a dead end", broken(edges="{START: a}"), '2:9 nodes.a: found "a", which leads nowhere, expected an edge, such as `a: END`'),
    ("a loop without end", broken(edges="{START: a, a: a}"), '2:9 nodes.a: found "a", from which no run can end, expected a way to END'),
    ("a reserved node", broken(nodes="{END: {llm: Hi}}", edges="{START: END}"), '2:9 nodes.END: found "END", expected another name'),
    ("an empty document", "", ":1:1: found nothing, expected a graph: `state`, `nodes` and `edges`"),
    ("a list", "[]", ":1:1: found an empty list, expected a mapping with description"),
    ("a key said twice", broken() + "\nedges: {}", '4:1: found the key "edges" a second time, expected each key once'),
    ("a tag", broken(nodes="!!python/object:os.system {}"), "2:8: found the tag tag:yaml.org,2002:python/object:os.system, expected plain data"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_mistake_is_named_and_located(document: Any, text: str, said: str) -> None:
    with pytest.raises(graphwright_graphs.DocumentError) as caught:
        graphwright_graphs.load(document(text), imports=["tests"])

    assert said in str(caught.value)
    assert len(caught.value.problems) == 1, str(caught.value)


ROUTED = {
    "state": "{messages: messages, desk: {type: string, default: open}}",
    "nodes": "{a: {router: {choices: {billing: B, tech: T}, output: desk}}}",
}
OTHER = """
    state: {text: last}
    nodes: {a: {prompt: {template: Hi, output: text}}}
    edges: {START: a, a: END}
"""
WARNINGS = [
    # what looks wrong, the document, what is said of it
    ("a label that no router chooses", asking("desk == 'biling'", **ROUTED), """3:30 edges.a[0].when: warning: found "biling", expected what `desk` may hold (billing, tech, open), did you mean "billing"?"""),
    ("a message's type of another language", asking("messages.exists(m, m.type == 'assistant')"), 'warning: found "assistant", expected the type of a message, did you mean "ai"?'),
    ("names in place of a schema", broken(nodes="{a: {llm: {output: x, schema: {age: integer}}}}", state="{messages: messages, x: last}"), "2:39 nodes.a.llm.schema.age: warning: found \"age\", expected a word of JSON Schema, write {type: object, properties: {age: …}}"),
    ("one of several labels", asking("desk in ['billing', 'sales']", **ROUTED), """found "sales", expected what `desk` may hold (billing, tech, open)"""),
    ("a value out of an enum", asking("'hig' != mood", state="{messages: messages, mood: {enum: [high, low]}}"), 'did you mean "high"?'),
    ("a graph of other channels", broken(nodes="{a: {subgraph: other.yaml}}"), "2:23 nodes.a.subgraph: warning: found a graph that gives nothing back: this one has no text, expected `out: {ours: theirs}`, or channels of the same names"),
    ("a graph with one way in", broken(nodes="{a: {subgraph: {graph: other.yaml, in: {text: messages}}}}"), "2:31 nodes.a.subgraph.graph: warning: found a graph that gives nothing back"),
]  # fmt: skip
MEANT = [
    asking("desk in ['billing', 'open'] || desk == '' || desk != messages.last().content", **ROUTED),
    asking("desk == 'sales'", **{**ROUTED, "nodes": "{a: {router: {choices: {x: B}, output: desk}}, b: {llm: {prompt: Hi, output: desk}}}"}),
    asking("desk == 'sales'", state="{messages: messages, desk: {type: string}}"),
    broken(nodes="{a: {subgraph: {graph: other.yaml, out: []}}}"),
    broken(nodes="{a: {subgraph: {graph: other.yaml, in: [], out: {messages: text}}}}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"), [row[1:] for row in WARNINGS], ids=[row[0] for row in WARNINGS]
)
def test_what_looks_wrong_is_a_warning(document: Any, text: str, said: str) -> None:
    document(OTHER, "other.yaml")
    (problem,) = graphwright_graphs.check(path := document(text))

    assert said in str(problem)
    assert graphwright_graphs.load(path)


@pytest.mark.parametrize("text", MEANT)
def test_what_may_be_meant_is_no_warning(document: Any, text: str) -> None:
    document(OTHER, "other.yaml")
    found = graphwright_graphs.check(document(text))

    assert not [problem for problem in found if problem.warning]


def test_all_mistakes_are_reported_at_once_in_their_order(document: Any) -> None:
    path = document("""
        state:
          messages: mesages
          text: last
        nodes:
          a:
            llm: {prompt: "{txt}", tools: [clok], output: txt}
          b:
            lm: Hi
        edges:
          START: c
          a:
            - {when: size(text) >, to: b}
            - to: END
    """)
    with pytest.raises(graphwright_graphs.DocumentError) as caught:
        graphwright_graphs.load(path)

    assert [problem.line for problem in caught.value.problems] == [2, 6, 6, 6, 8, 10, 12]
    assert str(caught.value).startswith(f"{path}:2:13 state.messages: ")


NAMES = st.sampled_from(["a", "b", "START", "END", "messages", "plan", "work", "x", ""])
WORDS = st.sampled_from(
    [
        *("messages", "append", "last", "add", "merge", "reducer", "type", "default"),
        *("llm", "tools", "human", "planner", "python", "prompt"),
        *("approve", "ask", "output", "schema", "when", "to", "model", "plan", "work", "system"),
    ]
)
SCALARS = st.one_of(
    NAMES, WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["{messages}", "{x}", "size(messages) > 0", "plan.goal", "json:dumps", "END"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(NAMES, WORDS), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(["llm", "tools", "human", "planner", "python", "x"])
DOCUMENTS = st.fixed_dictionaries(
    {
        "state": st.one_of(
            VALUES,
            st.just({"messages": "messages", "plan": "plan", "work": "messages"}),
        ),
        "nodes": st.dictionaries(NAMES, st.dictionaries(KINDS, VALUES, max_size=1), max_size=3),
        "edges": st.one_of(VALUES, st.dictionaries(NAMES, st.one_of(NAMES, VALUES), max_size=4)),
    },
    optional={"description": VALUES, "input": VALUES, "output": VALUES, "more": VALUES},
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(document_=DOCUMENTS)
def test_any_document_compiles_or_says_what_is_wrong(document: Any, document_: Any) -> None:
    path = document(json.dumps(document_), "any.json")
    try:
        graphwright_graphs.load(path)
    except graphwright_graphs.DocumentError as error:
        assert error.problems
        assert all(problem.line >= 1 and problem.column >= 1 for problem in error.problems)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(junk=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
def test_any_bytes_are_read_or_refused(tmp_path: Any, junk: bytes) -> None:
    path = tmp_path / "junk.yaml"
    path.write_bytes(junk)
    with pytest.raises(graphwright_graphs.DocumentError):
        graphwright_graphs.load(path)
