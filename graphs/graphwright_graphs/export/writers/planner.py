"""The kind `planner`: several nodes and the ways between them, with what they need as source."""

from __future__ import annotations

from string import Template

from graphwright_graphs import answers
from graphwright_graphs.export import models, prompts, runtime
from graphwright_graphs.export.literals import literal
from graphwright_graphs.export.writers.conversation import composed
from graphwright_graphs.export.writers.human import expiring
from graphwright_graphs.export.writers.writing import Writing
from graphwright_graphs.models.words import Model
from graphwright_graphs.nodes import executor, plan_approval, planner, replanner
from graphwright_graphs.nodes.conversation import last_request
from graphwright_graphs.nodes.planner import Planner
from graphwright_graphs.nodes.timing import within
from graphwright_graphs.nodes.tools import explained
from graphwright_graphs.plan import MAX_TASK, Outcome, Plan, Step
from graphwright_graphs.plan_form import Form


class PlannerWriter:
    """Writes the nodes of one planner."""

    def __init__(self, body: Planner, writing: Writing) -> None:
        self._body = body
        self._writing = writing
        self._module = writing.module
        self._messages = literal(writing.conversation(body.messages))
        self._plan = literal(body.plan)
        self._name = literal(writing.name)
        tools = writing.tools(body.tools)
        self._tools = self._module.constant(f"{writing.name}_tools", tools)
        form = (
            f"{self._module.inlined(Form)}([tool.name for tool in {self._tools}], {body.max_steps})"
        )
        self._form = self._module.constant(f"{writing.name}_form", form)

    def nodes(self) -> list[tuple[str, str]]:
        """The names of the nodes and their functions."""
        name = self._writing.name
        found = [(name, self._planner())]
        if self._body.approve:
            found.append((f"{name}.approval", self._approval()))
        return [
            *found,
            (f"{name}.replan", self._replan()),
            (f"{name}.answer", self._answer()),
            (f"{name}.step", self._step()),
        ]

    def ways(self) -> list[str]:
        """What adds the edges between the nodes."""
        name, builder = self._writing.name, self._writing.builder
        lead = self._lead()
        step, replan, answer, approval = (
            literal(f"{name}.{each}") for each in ("step", "replan", "answer", "approval")
        )
        more = f"{approval}, " if self._body.approve else ""
        add = f"{builder}.add_conditional_edges"
        lines = [
            f"{builder}.add_edge({step}, {replan})",
            f"{add}({replan}, {lead}, [{step}, {answer}])",
            f"{add}({self._name}, {lead}, [{more}{step}, {replan}, {answer}])",
        ]
        if self._body.approve:
            lines.append(f"{add}({approval}, {lead}, [{self._name}, {step}, {answer}])")
        return lines

    def _function(self, part: str, about: str, text: str, **words: str) -> str:
        lines = Template(text.strip("\n")).substitute(
            words, plan=self._plan, name=self._name, form=self._form, messages=self._messages
        )
        name = f"{self._writing.name}_{part}" if part else self._writing.name
        inside = self._writing.of(name, self._writing.where)
        return inside.function(about, lines.splitlines())

    def _structured(self, schema: str, own: Model | None, part: str) -> str:
        """The expression of a model that answers in the form of a schema."""
        bind = models.with_schema(schema, self._module)
        return models.called(own or self._body.model, part, self._module, bind)

    def _planner(self) -> str:
        schema = self._schema()
        rules = f"{self._module.inlined(planner.told_always)}({self._form}.most, {self._tools})"
        return self._function(
            "",
            "Make a plan for the last request, or go on with the one that is under way.",
            """
before = $Plan.of(state.get($plan))
request = $last_request(state[$messages])
if before and before.goes_on(request.id or ""):
    return {}
earlier = before.carried() if before and before.unfinished else $Plan(goal="")
system, *talk = $composed
told = "\\n\\n".join([str(system.text), $rules, *$told_before(earlier)])
schema = $schema
model = $model
found = await $structured(
    model,
    [$System(told), *talk],
    lambda given: $form.steps(given, least=1, known=earlier.ended),
    config,
)
goal = str(request.text)
steps = found or [$Step(id="s1", task=goal[:$most] or "Answer the person.")]
plan = $Plan.made(goal, request.id or "", earlier.ended, steps, approve=$approve)
$tell($name, plan)
return {$plan: plan.model_dump()}
""",
            Plan=self._module.inlined(Plan),
            Step=self._module.inlined(Step),
            System=self._module.imported("langchain_core.messages", "SystemMessage"),
            last_request=self._module.inlined(last_request),
            composed=composed(self._body.prompt, self._body.messages, self._writing),
            rules=self._module.constant(f"{self._writing.name}_rules", rules),
            told_before=self._module.inlined(planner.told_before),
            schema=schema,
            model=self._structured("schema", None, self._writing.name),
            structured=self._module.inlined(runtime.structured),
            most=str(MAX_TASK),
            approve=str(self._body.approve),
            tell=self._module.inlined(replanner.tell),
        )

    def _schema(self) -> str:
        """The expression of the schema of a plan, whose ids are listed as in `planner._bindings`:
        for a plan of its own, and for one that may build on what an earlier one has found.
        """
        name, most = self._writing.name, self._body.max_steps
        ids, known = ([f"{letter}{at}" for at in range(1, most + 1)] for letter in "se")
        words = f'"Plan", least=1, ids={literal(ids)}'
        afresh = self._module.constant(f"{name}_schema", f"{self._form}.schema({words})")
        more = f"{self._form}.schema({words}, known={literal(known)})"
        going_on = self._module.constant(f"{name}_schema_going_on", more)
        return f"{going_on} if earlier.ended else {afresh}"

    def _approval(self) -> str:
        request = f"{self._module.inlined(plan_approval.asked)}({self._name}, plan)"
        if self._body.expiry:
            request = f"{{**{request}{expiring(self._body.expiry)}}}"
        return self._function(
            "approval",
            "Let a person look at the plan before it is carried out.",
            """
plan = $Plan.model_validate(state[$plan])
request = $request
decided = $answer_to(request, lambda said: $decision($name, plan, $form, said))
if decided.phase == "working":
    $tell($name, decided)
return {$plan: decided.model_dump()}
""",
            Plan=self._module.inlined(Plan),
            request=request,
            answer_to=self._module.inlined(answers.answer_to),
            decision=self._module.inlined(plan_approval.decision),
            tell=self._module.inlined(replanner.tell),
        )

    def _replan(self) -> str:
        body = self._body.replanner
        schema = self._module.constant(
            f"{self._writing.name}_left", f'{self._form}.schema("StepsLeft", least=0)'
        )
        text = f"{body.prompt}\n\n{replanner.CHANGES.format(most=self._body.max_steps)}"
        return self._function(
            "replan",
            "Change what is left of the plan where a result or a failure calls for it.",
            """
plan = $Plan.model_validate(state[$plan])
if not plan.is_to_be_reviewed($times, results=$results):
    return {$plan: plan.reviewed_as().model_dump()}
model = $model
found = await $structured(
    model,
    [$System($prompt), $Human(plan.report())],
    lambda given: $form.steps(given, least=0, known=plan.ended),
    config,
)
revised = plan.reviewed_as(found)
if revised.replans != plan.replans:
    $tell($name, revised)
return {$plan: revised.model_dump()}
""",
            Plan=self._module.inlined(Plan),
            times=str(body.max_replans),
            results=str(body.after == "results"),
            model=self._structured(schema, body.model, f"{self._writing.name}_replan"),
            structured=self._module.inlined(runtime.structured),
            System=self._module.imported("langchain_core.messages", "SystemMessage"),
            Human=self._module.imported("langchain_core.messages", "HumanMessage"),
            prompt=self._filled(text, "changes"),
            tell=self._module.inlined(replanner.tell),
        )

    def _answer(self) -> str:
        body = self._body.answer
        return self._function(
            "answer",
            "Answer the person from the results.",
            """
plan = $Plan.model_validate(state[$plan])
done = plan.model_copy(update={"phase": "done"}).model_dump()
if plan.phase == "declined":
    return {$messages: [$AI($refused)], $plan: done}
model = $model
asked = [$System($prompt), $Human(plan.report())]
return {$messages: [await model.ainvoke(asked, config)], $plan: done}
""",
            Plan=self._module.inlined(Plan),
            AI=self._module.imported("langchain_core.messages", "AIMessage"),
            System=self._module.imported("langchain_core.messages", "SystemMessage"),
            Human=self._module.imported("langchain_core.messages", "HumanMessage"),
            refused=literal(replanner.REFUSED),
            model=models.called(
                body.model or self._body.model, f"{self._writing.name}_answer", self._module
            ),
            prompt=self._filled(body.prompt, "answer_prompt"),
        )

    def _filled(self, text: str, part: str) -> str:
        name = f"{self._writing.name}_{part}"
        return prompts.filled(text, self._writing.readable, self._module, name)

    def _step(self) -> str:
        module, body = self._module, self._body.executor
        agent = self._agent()
        call = f"{agent}.ainvoke(begin, config)"
        if body.max_seconds is not None:
            call = f'{module.inlined(within)}({literal(body.max_seconds)}, "step", {call})'
        inside = self._writing.of(f"{self._writing.name}_step", self._writing.where)
        lines = Template(
            """
step = $Step(**state["step"])
tell = $writer()
tell($started($name, step, config))
begin = $begun(state, [tool.name for tool in $tools])
try:
    ended = await $call
    outcome = $came_out(step, str(ended["work"][-1].text))
except $Bubble:  # an interrupt in a tool: the step goes on later
    raise
except Exception as error:  # one step that fails is no reason to lose the others
    outcome = $Outcome(step=step.id, status="failed", result=$why(error))
tell($over($name, outcome))
return {$plan: outcome.model_dump()}
""".strip("\n")
        ).substitute(
            Step=module.inlined(Step),
            writer=module.imported("langgraph.config", "get_stream_writer"),
            name=self._name,
            started=module.inlined(executor.started),
            over=module.inlined(executor.over),
            begun=module.inlined(executor.begun),
            tools=self._tools,
            call=call,
            came_out=module.inlined(executor.came_out),
            Bubble=module.imported("langgraph.errors", "GraphBubbleUp"),
            Outcome=module.inlined(Outcome),
            why=module.inlined(executor.why),
            plan=self._plan,
        )
        anything = f"dict[str, {module.imported('typing', 'Any')}]"
        about = "Carry out one step, in a graph of its own."
        return inside.function(about, lines.splitlines(), state=anything)

    def _agent(self) -> str:
        """Define the graph that works on one step: a model and tools in turn; its name."""
        module, body, name = self._module, self._body.executor, self._writing.name
        end = module.imported("langgraph.graph", "END")
        budget = f"{module.inlined(executor.Budget)}({body.max_rounds}, {body.max_tokens})"
        own, part = body.model or self._body.model, f"{name}_step"
        model = models.called(own, part, module)
        bound = models.called(own, part, module, lambda model: f"{model}.bind_tools(granted)")
        budget = module.constant(f"{name}_budget", budget)
        in_words = module.inlined(executor.in_words)
        command = module.imported("langgraph.types", "Command")
        lines = [
            f'work, system = state["work"], {self._system()}(state["prompt"])',
            f'granted = [tool for tool in {self._tools} if tool.name in state["tools"]]',
            f"may_call = bool({self._tools}) and {budget}.allows(work)",
            f"asked = [system, *work] if may_call else [system, {in_words}(work)]",
            f"model = {bound} if may_call and granted else {model}",
            "reply = await model.ainvoke(asked, config)",
            f'goto = "tools" if may_call and reply.tool_calls else {end}',
            f'return {command}(update={{"work": [reply]}}, goto=goto)',
        ]
        progress = module.inlined(executor.Progress)
        inside = self._writing.of(f"{name}_step_model", self._writing.where)
        function = inside.function(
            "Ask the model of one step.", lines, state=progress, returns=f"{command}[str]"
        )
        return self._graph(function, progress, end)

    def _system(self) -> str:
        return self._module.imported("langchain_core.messages", "SystemMessage")

    def _graph(self, function: str, progress: str, end: str) -> str:
        module, name = self._module, self._writing.name
        builder = module.named(f"{name}_step_builder")
        start = module.imported("langgraph.graph", "START")
        ends = f'("tools", {end})' if self._body.tools else f"({end},)"
        lines = [
            f"{builder} = {module.imported('langgraph.graph', 'StateGraph')}({progress})",
            f'{builder}.add_node("model", {function}, destinations={ends})',
            f'{builder}.add_edge({start}, "model")',
        ]
        if self._body.tools:
            words = [
                self._tools,
                f"handle_tool_errors={module.inlined(explained)}",
                'messages_key="work"',
                f"wrap_tool_call={module.inlined(executor.only_granted)}",
                f"awrap_tool_call={module.inlined(executor.only_granted_async)}",
            ]
            node = module.imported("langgraph.prebuilt", "ToolNode")
            lines.append(f'{builder}.add_node("tools", {node}({", ".join(words)}))')
            lines.append(f'{builder}.add_edge("tools", "model")')
        graph = module.named(f"{name}_step_graph")
        module.add([*lines, f'{graph} = {builder}.compile(name="step")'])
        return graph

    def _lead(self) -> str:
        module = self._module
        inside = self._writing.of(f"{self._writing.name}_lead", self._writing.where)
        plan = f"{module.inlined(Plan)}.model_validate(state[{self._plan}])"
        prompt = self._filled(self._body.executor.prompt, "step_prompt")
        lines = [f"return {module.inlined(executor.lead)}({self._name}, {plan}, {prompt})"]
        send = module.imported("langgraph.types", "Send")
        about = "Go where the plan leads: to a node, or to a task for each step that is ready."
        return inside.function(about, lines, returns=f"str | list[{send}]")
