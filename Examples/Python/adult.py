"""From a table to a report: who earns more than 50,000 dollars a year (the census of 1994)?

    python adult.py FOLDER      with train.csv.gz and test.csv.gz
"""

import sys

import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.metrics import classification_report
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from meprop import MePropClassifier

train, test = (pd.read_csv(f"{sys.argv[1]}/{part}.csv.gz") for part in ("train", "test"))
columns = make_column_transformer(
    (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    (StandardScaler(), make_column_selector(dtype_include="number")),
)
network = MePropClassifier((256,), batch_size=64, max_iter=30, early_stopping=True, random_state=1)
model = make_pipeline(columns, network).fit(train.drop(columns="income"), train["income"])
print(classification_report(test["income"], model.predict(test.drop(columns="income"))))
