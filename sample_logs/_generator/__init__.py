"""The generator of CloudTrail logs behind `sample_logs/generate.py`.

dice      draws that depend on nothing but names
world     two accounts, three regions, their networks and resources
iam       users, groups, roles and policies of the two accounts
calls     what each API's record carries
records   a call made by somebody, as the text CloudTrail writes
habits    who calls what, when, from where
sample    the committed sample: habits and stories over four weeks, with its IAM snapshot
bulk      logs of any size, for measuring
"""
