-- A formula is a list of numbers that grows: first its operands, then its constants, then the result
-- of each step, which takes two numbers from the list; the last one is the value. All formulas and
-- buckets take a step at a time together. Where an operand is missing or a divisor is zero there is
-- no value, and so no row. Numbers are exact decimals, which neither overflow nor round what a sum is.
WITH RECURSIVE evaluated AS (
    SELECT
        operands.formula,
        operands.start,
        operands.numbers || formula.constants::numeric[] AS numbers,
        operands.points,
        1 AS step
    FROM (
        SELECT
            operand.formula,
            held.start,
            array_agg(
                CASE operand.aggregate
                    WHEN 'avg' THEN held.average::text::numeric
                    WHEN 'sum' THEN held.total
                    WHEN 'min' THEN held.minimum::text::numeric
                    WHEN 'max' THEN held.maximum::text::numeric
                    WHEN 'count' THEN held.points::numeric
                    WHEN 'last' THEN held.last::text::numeric
                END
                ORDER BY operand.place
            ) AS numbers,
            count(*) AS found,
            sum(held.points) FILTER (WHERE operand.is_first)::bigint AS points
        FROM unnest(
            :operand_formulas::integer[], :operand_firsts::bigint[], :operand_places::integer[],
            :operand_codes::text[], :operand_aggregates::text[], :operand_is_first::boolean[]
        ) AS operand (formula, first, place, code, aggregate, is_first)
        JOIN ({buckets}) AS held
            ON held.kpi_code = operand.code AND held.start >= operand.first
        WHERE held.kpi_code = ANY (:operand_codes::text[])
        GROUP BY operand.formula, held.start
    ) AS operands
    JOIN unnest(:operand_counts::integer[], :constants::text[])
        WITH ORDINALITY AS formula (operands, constants, number)
        ON formula.number = operands.formula AND formula.operands = operands.found
    UNION ALL
    SELECT
        evaluated.formula,
        evaluated.start,
        evaluated.numbers || CASE todo.operator
            WHEN '+' THEN evaluated.numbers[todo.left_place] + evaluated.numbers[todo.right_place]
            WHEN '-' THEN evaluated.numbers[todo.left_place] - evaluated.numbers[todo.right_place]
            WHEN '*' THEN evaluated.numbers[todo.left_place] * evaluated.numbers[todo.right_place]
            WHEN '/' THEN
                evaluated.numbers[todo.left_place]
                / nullif(evaluated.numbers[todo.right_place], 0)
        END,
        evaluated.points,
        evaluated.step + 1
    FROM evaluated
    JOIN unnest(
        :step_formulas::integer[], :step_numbers::integer[], :operators::text[],
        :left_places::integer[], :right_places::integer[]
    ) AS todo (formula, step, operator, left_place, right_place)
        ON todo.formula = evaluated.formula AND todo.step = evaluated.step
)
SELECT
    formula.code AS kpi_code,
    evaluated.start,
    -- What no double precision can say is no value; what is too small to say is zero.
    CASE
        WHEN abs(result.value) < 1e-300 THEN 0
        WHEN abs(result.value) < 1e300 THEN result.value::double precision
    END AS value,
    evaluated.points,
    NULL::double precision AS minimum,
    NULL::double precision AS maximum
FROM evaluated
JOIN unnest(:formulas::text[], :step_counts::integer[])
    WITH ORDINALITY AS formula (code, steps, number)
    ON formula.number = evaluated.formula AND evaluated.step = formula.steps + 1
CROSS JOIN LATERAL (
    SELECT evaluated.numbers[cardinality(evaluated.numbers)] AS value
) AS result
WHERE abs(result.value) < 1e300
